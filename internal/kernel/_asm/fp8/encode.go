package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// encode emits dst[i] = code(y), y = op(src[i], factor), four registers a turn. Each
// tile has a factor.
//
// Let m be the mantissa bits, and p the power of two at or
// below |y|, but at least the smallest normal value. The format's step at y is
// p/2ᵐ, and so is that of a float32 at p·2ˢ, s = 23−m. So the sum
//
//	r = |y| + p·(2ˢ + k)
//
// is rounded as the format rounds, and its lowest bits count the steps of |y|,
// from k·2ᵐ. The code is that count, and 2ᵐ more for each doubling of p: this is
// what adding r>>s, whose low end is the exponent, gives. k cancels the two
// exponents' biases modulo 2⁸, the width of that exponent. The product is exact.
//
// Magnitudes above the largest give codes above its code, and a minimum saturates
// them. An infinite r does, too: its exponent alone is beyond.
func (f format) encode(l vec.Level, op operation) {
	group := l.Bytes
	name := op.verb + f.name + op.source
	TEXT(name+l.Name, NOSPLIT, fmt.Sprintf("func(dst *uint8, src *%s, tiles, turns int, factors *float32)", op.element))
	Pragma("noescape")
	Doc(fmt.Sprintf("%s%s agrees with %sGeneric on each tile of so many turns,", name, l.Name, name),
		fmt.Sprintf("groups of %d; one or more of both.", group))
	e := encoder{
		Level:  l,
		format: f,
		dst:    Load(Param("dst"), GP64()),
		src:    Load(Param("src"), GP64()),
		op:     op,
		factor: l.New(),
		min:    l.ConstF("min"+f.name, f.min),
		big:    l.ConstF("big"+f.name, f.big()),
		field:  l.Const("field"+f.name, 1<<(8+f.mantissa)-1),
	}
	if l.Wide() {
		e.power = l.Const("signedPower", 0xFF80_0000)
	} else {
		e.power = l.Const("power", 0x7F80_0000)
		e.mag = l.Const("magnitude", 0x7FFF_FFFF)
	}
	factors := Load(Param("factors"), GP64())
	endTurn, endTile := vec.Tiles(func() { VBROADCASTSS(Mem{Base: factors}, e.factor) })

	y := e.values()
	l.IfNaN("nan", y...)
	e.store(e.codes(y))
	Label("next")
	endTurn(
		vec.Advance{Pointer: e.src, Bytes: uint32(op.bytes * group)},
		vec.Advance{Pointer: e.dst, Bytes: uint32(group)})
	endTile(vec.Advance{Pointer: factors, Bytes: 4})
	VZEROUPPER()
	RET()

	Comment("A group that holds a NaN: its code, whatever came out there")
	Label("nan")
	codes := e.codes(e.values())
	nan := e.values()
	for i := range nan {
		nan[i] = l.Unordered(nan[i], nan[i])
	}
	e.store(l.Select(e.narrow(nan), l.Const("nans", 0x7F7F7F7F), codes))
	JMP(LabelRef("next"))
}

// operation is what becomes of an element x of the source under a factor.
type operation struct {
	verb, source string // parts of the name
	element      string // type of the source
	bytes        int    // of an element
	value        func(l vec.Level, x Mem, factor VecVirtual) VecVirtual
}

var (
	scale = operation{"scale", "", "float32", 4,
		func(l vec.Level, x Mem, mult VecVirtual) VecVirtual { return l.Mul(mult, x) }}
	quantize = operation{"quantize", "", "float32", 4,
		func(l vec.Level, x Mem, scale VecVirtual) VecVirtual { return l.Div(l.Load(x), scale) }}
	scaleBF16 = operation{"scale", "BF16", "uint16", 2,
		func(l vec.Level, x Mem, mult VecVirtual) VecVirtual { return l.Mul(mult, widen(l, x)) }}
	quantizeBF16 = operation{"quantize", "BF16", "uint16", 2,
		func(l vec.Level, x Mem, scale VecVirtual) VecVirtual { return l.Div(widen(l, x), scale) }}
	quantizeInBF16 = operation{"quantize", "InBF16", "uint16", 2,
		func(l vec.Level, x Mem, scale VecVirtual) VecVirtual { return roundBF16(l, l.Div(widen(l, x), scale)) }}
)

// widen returns the float32 values of BF16 ones.
func widen(l vec.Level, x Mem) VecVirtual {
	w := l.New()
	VPMOVZXWD(x, w)
	return l.ShiftL(w, 16)
}

// roundBF16 returns x rounded to the nearest BF16, which is the upper half of
// x + 0x7FFF + (x>>16 & 1). A NaN stays one if its lower half is 0: those of BF16
// operands are, and that which a processor makes.
func roundBF16(l vec.Level, x VecVirtual) VecVirtual {
	odd := l.ShiftR(l.ShiftL(x, 15), 31)
	sum := l.Add(l.Add(x, l.Const("half", 0x7FFF)), odd)
	return l.ShiftL(l.ShiftR(sum, 16), 16)
}

type encoder struct {
	vec.Level
	format
	dst, src Register
	op       operation
	factor   VecVirtual
	power    VecVirtual // mask of the exponent, with AVX-512 of the sign too
	mag      VecVirtual // mask
	min      VecVirtual
	big      VecVirtual
	field    VecVirtual // mask of a code that is not saturated
}

// big returns 2ˢ + k. The smallest normal value has the exponent field 128−bias,
// to which the product adds s: k makes it 0 modulo 2⁸.
func (f format) big() float32 {
	s := 23 - f.mantissa
	k := 256 - (128 - f.bias + s)
	return float32(int(1)<<s + k)
}

// values returns a group's y.
func (e encoder) values() []VecVirtual {
	y := make([]VecVirtual, 4)
	for i := range y {
		at := i * e.Bytes / 4 * e.op.bytes
		y[i] = e.op.value(e.Level, Mem{Base: e.src, Disp: at}, e.factor)
	}
	return y
}

// codes returns the codes of a group in the order of packing. Of y it may leave
// no more than the signs.
func (e encoder) codes(y []VecVirtual) VecVirtual {
	limit := e.Const("limit"+e.name, uint32(e.max)<<16|uint32(e.max))
	var word [2]VecVirtual
	for i := range word {
		word[i] = e.MinUW(e.PackU32(e.code(y[2*i]), e.code(y[2*i+1])), limit)
	}
	return e.OrAnd(e.PackU16(word[0], word[1]), e.narrow(y), e.Const("signs", 0x80808080))
}

// code returns the code of |y|, not yet saturated.
func (e encoder) code(y VecVirtual) VecVirtual {
	var r VecVirtual
	if e.Wide() {
		// p and r with the sign of y; r's copy has it above the field.
		p := e.And(e.MaxAbs(y, e.min), e.power)
		r = e.FMA(p, e.big, y)
	} else {
		p := e.MaxU(e.And(y, e.power), e.min)
		r = e.FMA(p, e.big, e.And(y, e.mag))
	}
	return e.And(e.Add(r, e.ShiftR(r, e.shift())), e.field)
}

// narrow returns bytes with the signs of x, in the order of packing.
func (e encoder) narrow(x []VecVirtual) VecVirtual {
	return e.PackS16(e.PackS32(x[0], x[1]), e.PackS32(x[2], x[3]))
}

// store writes codes in the order of packing, by which each 128-bit lane has
// four of each register's, in the order of memory.
func (e encoder) store(codes VecVirtual) {
	lanes := e.Bytes / 16
	index := make([]uint32, 4*lanes)
	for i := range index {
		register, lane := i/lanes, i%lanes
		index[i] = uint32(4*lane + register)
	}
	order := e.Load(vec.Data("order"+e.Level.Name, index...))
	e.Store(e.Permute(order, codes), Mem{Base: e.dst})
}

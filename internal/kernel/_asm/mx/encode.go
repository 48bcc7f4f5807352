package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// source is the type of the values.
type source struct {
	suffix, typ string
	size        int
}

var (
	float32s = source{"", "float32", 4}
	bf16s    = source{"BF16", "uint16", 2}
)

// encode emits codes[i] = FromFloat32(src[i]·factor) for the factor of i's half of
// a block, where no product is NaN. See _asm/fp8 for the arithmetic: with y the
// product and p the power of two at or below |y|, at least the smallest normal
// value, the low bits of
//
//	r = |y| + p·(2ˢ + k),  s = 23−mantissa
//
// count steps, and r + r>>s has the code there, not yet saturated.
func (f format) encode(l Level, s source) {
	// Four registers make one of bytes.
	registers := 4
	if f.bits == 4 && !l.Wide() {
		registers = 8 // so that as much is stored
	}
	values := registers * l.Bytes / 4
	name := "encodeMX" + f.name + s.suffix
	TEXT(name+l.Name, NOSPLIT, fmt.Sprintf("func(codes *byte, src *%s, factor *float32, groups int)", s.typ))
	Pragma("noescape")
	Doc(fmt.Sprintf("%s%s agrees with %sGeneric on groups of %d values, one or more,", name, l.Name, name, values),
		"where no product is NaN.")
	e := encoder{
		Level: l, format: f, source: s,
		codes: Load(Param("codes"), GP64()), src: Load(Param("src"), GP64()), factor: Load(Param("factor"), GP64()),
		power: l.Const("power", 0x7F80_0000), mag: l.Const("magnitude", 0x7FFF_FFFF),
		min: l.ConstF("min"+f.name, f.min), big: l.ConstF("big"+f.name, f.big()),
		field: l.Const("field"+f.name, 1<<(8+f.mantissa)-1),
		order: l.Load(Data("order"+l.Name, order(l)...)),
	}
	end := Groups(
		Advance{Pointer: e.src, Bytes: uint32(s.size * values)},
		Advance{Pointer: e.factor, Bytes: uint32(4 * values / half)},
		Advance{Pointer: e.codes, Bytes: uint32(f.bits * values / 8)})
	switch {
	case f.bits == 8:
		l.Store(e.bytes(0), Mem{Base: e.codes})
	case l.Wide():
		low := YMM()
		VPMOVWB(e.pairs(0), low)
		VMOVDQU(low, Mem{Base: e.codes})
	default:
		both := l.PackU16(e.pairs(0), e.pairs(4))
		VPERMQ(U8(0b11_01_10_00), both, both)
		l.Store(both, Mem{Base: e.codes})
	}
	end()
	VZEROUPPER()
	RET()
}

type encoder struct {
	Level
	format
	source
	codes, src, factor Register
	power, mag         VecVirtual // masks
	min, big           VecVirtual
	field              VecVirtual // mask of a code that is not saturated
	order              VecVirtual // of dwords, out of that of packing
}

// big returns 2ˢ + k. The smallest normal value has the exponent field 128−bias,
// to which the product adds s: k makes it 0 modulo 2⁸.
func (f format) big() float32 {
	s := 23 - f.mantissa
	return float32(int(1)<<s + 256 - (128 - f.bias + s))
}

// order returns how packing mixes the 32-bit lanes: each 128-bit lane has one of
// every register.
func order(l Level) []uint32 {
	lanes := l.Bytes / 16
	index := make([]uint32, 4*lanes)
	for i := range index {
		register, lane := i/lanes, i%lanes
		index[i] = uint32(4*lane + register)
	}
	return index
}

// product returns the i-th register of values times their factor.
func (e encoder) product(i int, factor VecVirtual) VecVirtual {
	at := Mem{Base: e.src, Disp: e.size * i * e.Level.Bytes / 4}
	if e.size == 4 {
		return e.Mul(factor, at)
	}
	x := e.New()
	VPMOVZXWD(at, x)
	return e.Mul(factor, e.ShiftL(x, 16))
}

// bytes returns the codes of four registers of values, the first of them the i-th,
// in order, a byte each.
func (e encoder) bytes(i int) VecVirtual {
	limit := e.Const("limit"+e.name, uint32(e.max)<<16|uint32(e.max))
	var code, sign [2]VecVirtual
	var factor VecVirtual
	perFactor := 4 * half / e.Level.Bytes
	for j := range code {
		var y, c [2]VecVirtual
		for k := range y {
			if n := i + 2*j + k; n%perFactor == 0 {
				factor = e.New()
				VBROADCASTSS(Mem{Base: e.factor, Disp: 4 * (n / perFactor)}, factor)
			}
			y[k] = e.product(i+2*j+k, factor)
			c[k] = e.code(y[k])
		}
		code[j] = e.MinUW(e.PackU32(c[0], c[1]), limit)
		sign[j] = e.PackS32(y[0], y[1])
	}
	signs := e.And(e.PackS16(sign[0], sign[1]), e.Const("signs", 0x80808080))
	if e.bits == 4 {
		signs = e.ShiftR(signs, 4)
	}
	return e.Permute(e.order, e.Or(e.PackU16(code[0], code[1]), signs))
}

// code returns the code of |y|, not yet saturated.
func (e encoder) code(y VecVirtual) VecVirtual {
	p := e.MaxU(e.And(y, e.power), e.min)
	r := e.FMA(p, e.big, e.And(y, e.mag))
	return e.And(e.Add(r, e.ShiftR(r, e.shift())), e.field)
}

// pairs returns the same with even + 16·odd in words.
func (e encoder) pairs(i int) VecVirtual {
	d := e.New()
	VPMADDUBSW(e.Const("pair", 0x10011001), e.bytes(i), d)
	return d
}

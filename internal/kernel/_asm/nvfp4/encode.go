package main

import (
	"fmt"
	"math"

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

// signature declares an encoder.
func (s source) signature(l Level, name, twin, factor string, doc ...string) {
	name += s.suffix + l.Name
	TEXT(name, NOSPLIT, fmt.Sprintf("func(codes *byte, src *%s, %s, groups int)", s.typ, factor))
	Pragma("noescape")
	Doc(append([]string{fmt.Sprintf("%s is %s%sGeneric for groups of %d blocks.", name, twin, s.suffix, perGroup(l))}, doc...)...)
}

// encoder holds what encoding a group needs.
type encoder struct {
	source
	codes, src, factor Register
	constants
	narrow narrowConstants
	wide   wideConstants
}

func (s source) newEncoder(l Level, factor string) *encoder {
	e := &encoder{source: s,
		codes: Load(Param("codes"), GP64()), src: Load(Param("src"), GP64()), factor: Load(Param(factor), GP64()),
		constants: e2m1.load(l)}
	if l.Wide() {
		e.wide = s.loadWide()
	} else {
		e.narrow = s.loadNarrow()
	}
	return e
}

func (e *encoder) groups(l Level) (end func()) {
	return groups(l, by(e.codes, blockBytes), by(e.src, e.size*blockLen), by(e.factor, 4))
}

// Encoding with AVX2. A block is two registers; codes and signs of two blocks are
// packed to a register of bytes each.

// narrowConstants are in memory; AVX2 has few registers.
type narrowConstants struct {
	zero                                    VecVirtual
	abs                                     VecVirtual // magnitude, for values in memory
	magnitude, join, last, code, sign, pair Mem
}

func (s source) loadNarrow() narrowConstants {
	l := AVX2
	n := narrowConstants{
		zero:      l.Zero(),
		magnitude: data(l, "Magnitude", math.MaxInt32),
		join:      data(l, "Join", 1<<16|64),
		last:      data(l, "LastCode", (304+7)*64*0x10001),
		code:      data(l, "Code", 0x00070007),
		sign:      data(l, "SignBytes", 0x08080808),
		pair:      data(l, "Pair", 0x10011001), // bytes 1, 16
	}
	if s.size == 4 {
		n.abs = l.Load(n.magnitude)
	}
	return n
}

// values returns a block in memory, or its float32 values: the first half holds
// columns 0 to 7, or of BF16 columns 0 to 3 and 8 to 11.
func (e *encoder) values(block int) []Op {
	l, at := AVX2, Mem{Base: e.src, Disp: e.size * blockLen * block}
	if e.size == 4 {
		return []Op{at, at.Offset(l.Bytes)}
	}
	return []Op{unpack(VPUNPCKLWD, l, e.narrow.zero, at), unpack(VPUNPCKHWD, l, e.narrow.zero, at)}
}

// magnitude returns |x| of what values returned.
func (e *encoder) magnitude(x Op) VecVirtual {
	if v, ok := x.(VecVirtual); ok {
		return AVX2.And(v, e.narrow.magnitude)
	}
	return AVX2.And(e.narrow.abs, x)
}

// each applies f to the registers by turns, so that independent operations
// follow each other: chains one after the other fill up a core's scheduler.
func each[T Op](x []T, f func(i int, x T) VecVirtual) []VecVirtual {
	y := make([]VecVirtual, len(x))
	for i := range x {
		y[i] = f(i, x[i])
	}
	return y
}

// magnitudeFunc returns the magnitudes to encode of the values x of two blocks, no
// NaN among them, and as many bytes that are −1 for the negative ones, else 0.
type magnitudeFunc func(block int, x []Op) (a []VecVirtual, negative VecVirtual)

// encode emits the encoding of a group.
func (e *encoder) encode(magnitudes magnitudeFunc) {
	l := AVX2
	for four := 0; four < perGroup(l); four += 4 {
		Comment(fmt.Sprintf("Codes of blocks %d to %d.", four, four+3))
		var bytes [2]VecVirtual // of two blocks each, in the lower half of each word
		for pair := range bytes {
			block := four + 2*pair
			a, negative := magnitudes(block, append(e.values(block), e.values(block+1)...))
			p := each(a, func(_ int, a VecVirtual) VecVirtual { return e.power(l, a) })
			r := each(a, func(i int, a VecVirtual) VecVirtual { return l.FMA(p[i], e.constants.mul, a) })
			c := e.codeBytes(r)
			Comment("even + 16·odd")
			bytes[pair] = YMM()
			VPMADDUBSW(e.narrow.pair, l.Or(c, l.And(negative, e.narrow.sign)), bytes[pair])
		}
		b := l.PackU16(bytes[0], bytes[1])
		Comment("The lanes hold the even and the odd dwords of the codes.")
		b = l.Permute(l.Load(bytesData("ZipLanes", dwords(0, 4, 1, 5, 2, 6, 3, 7)...)), b)
		if e.size == 4 {
			VPSHUFB(bytesData("ZipPairs", twice(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15)...), b, b)
		}
		VMOVDQU(b, Mem{Base: e.codes, Disp: blockBytes * four})
	}
}

// codeBytes returns the codes of four registers of sums r, as bytes. The upper
// word of r is 128 times its exponent and the lower one what follows the
// exponent, so that 1 times that one and 64 times this one is 64·(r + (r >> 22)),
// without the exponent's upper part: 64·(304 + code).
func (e *encoder) codeBytes(r []VecVirtual) VecVirtual {
	l := AVX2
	r = each(r, func(_ int, r VecVirtual) VecVirtual {
		VPMADDWD(e.narrow.join, r, r)
		return r
	})
	words := []VecVirtual{l.PackS32(r[0], r[1]), l.PackS32(r[2], r[3])}
	words = each(words, func(_ int, w VecVirtual) VecVirtual {
		VPMINSW(e.narrow.last, w, w)
		VPSRLW(U8(6), w, w)
		return l.And(w, e.narrow.code)
	})
	return l.PackU16(words[0], words[1])
}

// pack returns the bytes of four registers of small numbers.
func pack(x []VecVirtual) VecVirtual {
	return AVX2.PackS16(AVX2.PackS32(x[0], x[1]), AVX2.PackS32(x[2], x[3]))
}

// numbers returns the numbers of a block and the next one at m.
func numbers(m Mem, block int) [2]VecVirtual {
	return [2]VecVirtual{broadcast(AVX2, m.Offset(4*block)), broadcast(AVX2, m.Offset(4*block+4))}
}

// encodeMul: v = x·mult, NaN gives 0.
func encodeMul(s source) {
	l := AVX2
	s.signature(l, "encodeE2M1Mul", "encodeE2M1Mul", "mult *float32")
	e := s.newEncoder(l, "mult")
	end := e.groups(l)
	e.encode(func(block int, x []Op) ([]VecVirtual, VecVirtual) {
		m := numbers(Mem{Base: e.factor}, block)
		v := each(x, func(i int, x Op) VecVirtual { return l.Mul(m[i/2], x) })
		negative := pack(each(v, func(_ int, v VecVirtual) VecVirtual { return compare(less, v, e.narrow.zero) }))
		a := each(v, func(_ int, v VecVirtual) VecVirtual { return l.And(v, e.narrow.magnitude) })
		return each(a, func(_ int, a VecVirtual) VecVirtual { return maximum(l, a, e.narrow.zero) }), negative
	})
	end()
	VZEROUPPER()
	RET()
}

// encodeDiv: v = x/div, NaN gives 7, by the parts of the divisors.
func encodeDiv(s source) {
	l := AVX2
	s.signature(l, "encodeE2M1Div", "encodeE2M1Div", "parts *float32", divNeedsParts)
	e := s.newEncoder(l, "parts")
	end := e.groups(l)
	part := Mem{Base: e.factor}
	e.encode(func(block int, x []Op) ([]VecVirtual, VecVirtual) {
		zero := numbers(part.Offset(partZero), block)
		negative := pack(each(x, func(i int, x Op) VecVirtual { return compare(greater, zero[i/2], x) }))
		a := each(x, func(_ int, x Op) VecVirtual { return e.magnitude(x) })
		most := numbers(part.Offset(partMost), block)
		a = each(a, func(i int, a VecVirtual) VecVirtual { return minBits(l, a, most[i/2]) })
		lo := numbers(part.Offset(partLo), block)
		b := each(a, func(i int, a VecVirtual) VecVirtual { return l.Mul(a, lo[i/2]) })
		hi := numbers(part.Offset(partHi), block)
		return each(b, func(i int, b VecVirtual) VecVirtual { return l.FMA(a[i], hi[i/2], b) }), negative
	})
	end()
	VZEROUPPER()
	RET()
}

const divNeedsParts = "It takes the parts of the divisors."

// encodeDivide: the same for all divisors.
func encodeDivide(s source) {
	l := AVX2
	s.signature(l, "encodeE2M1Divide", "encodeE2M1Div", "div *float32")
	six := float(l, "Six", 6)
	e := s.newEncoder(l, "div")
	end := e.groups(l)
	e.encode(func(block int, x []Op) ([]VecVirtual, VecVirtual) {
		by := numbers(Mem{Base: e.factor}, block)
		v := each(x, func(i int, x Op) VecVirtual {
			v := YMM()
			VMOVUPS(x, v)
			return l.Div(v, by[i/2])
		})
		negative := pack(each(v, func(_ int, v VecVirtual) VecVirtual { return compare(less, v, e.narrow.zero) }))
		a := each(v, func(_ int, v VecVirtual) VecVirtual { return l.And(v, e.narrow.magnitude) })
		return each(a, func(_ int, a VecVirtual) VecVirtual { return minBits(l, a, six) }), negative
	})
	end()
	VZEROUPPER()
	RET()
}

// dwords spells 32-bit indices in bytes.
func dwords(index ...uint8) []uint8 {
	b := make([]uint8, 4*len(index))
	for i, x := range index {
		b[4*i] = x
	}
	return b
}

// twice repeats the indices of a 128-bit lane for the other one.
func twice(lane ...uint8) []uint8 { return append(lane, lane...) }

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// Operations beyond those of package vec. Operands stand in the order of the
// formula here too.

// float returns x in memory, in all lanes of a register.
func float(l Level, name string, x float32) VecVirtual { return l.ConstF("nvfp4"+name, x) }

// bits returns u in all 32-bit lanes.
func bits(l Level, name string, u uint32) VecVirtual { return l.Const("nvfp4"+name, u) }

// data returns memory that holds u in all lanes.
func data(l Level, name string, u uint32) Mem {
	words := make([]uint32, l.Bytes/4)
	for i := range words {
		words[i] = u
	}
	return Data("nvfp4"+name+l.Name, words...)
}

// bytesData returns memory that holds b.
func bytesData(name string, b ...uint8) Mem {
	words := make([]uint32, len(b)/4)
	for i, x := range b {
		words[i/4] |= uint32(x) << (i % 4 * 8)
	}
	return Data("nvfp4"+name, words...)
}

// minimum returns the smaller of a and b, and b where either is NaN.
func minimum(l Level, a VecVirtual, b Op) VecVirtual {
	d := l.New()
	VMINPS(b, a, d)
	return d
}

// maximum returns the larger of a and b, and b where either is NaN.
func maximum(l Level, a VecVirtual, b Op) VecVirtual {
	d := l.New()
	VMAXPS(b, a, d)
	return d
}

// Predicates of VCMPPS, quiet: false where either side is NaN.
const (
	equal   = 0x00
	less    = 0x11
	greater = 0x1E
)

// compare returns the mask of lanes where (a pred b), for AVX2.
func compare(pred uint8, a VecVirtual, b Op) VecVirtual {
	d := YMM()
	VCMPPS(U8(pred), b, a, d)
	return d
}

// compareK is compare for AVX-512.
func compareK(pred uint8, a VecVirtual, b Op) OpmaskVirtual {
	k := K()
	VCMPPS(U8(pred), b, a, k)
	return k
}

func add(l Level, a VecVirtual, b Op) VecVirtual {
	d := l.New()
	VADDPS(b, a, d)
	return d
}

func sub(l Level, a VecVirtual, b Op) VecVirtual {
	d := l.New()
	VSUBPS(b, a, d)
	return d
}

// unpack interleaves the lower, or upper, elements of each 128-bit lane of a and
// b, a's first.
func unpack(f func(...Op), l Level, a VecVirtual, b Op) VecVirtual {
	d := l.New()
	f(b, a, d)
	return d
}

// minBits returns the smaller of magnitudes that are compared as integers, with
// NaN above all.
func minBits(l Level, a VecVirtual, b Op) VecVirtual {
	d := l.New()
	VPMINUD(b, a, d)
	return d
}

func xor(l Level, a, b VecVirtual) VecVirtual {
	d := l.New()
	if l.Wide() {
		VPXORD(b, a, d)
	} else {
		VPXOR(b, a, d)
	}
	return d
}

// broadcast returns the float32 at m in all lanes.
func broadcast(l Level, m Mem) VecVirtual {
	d := l.New()
	VBROADCASTSS(m, d)
	return d
}

// grid is a float format of few mantissa bits, as rounding to it needs it.
//
// For a magnitude a and p, the power of two at or below max(a, lowest normal),
// the sum r = a + p·magic has exactly the format's step as its last place: the
// addition rounds to the format, ties to even. p·magic is exact. magic is a power
// of two plus what makes the low bits of r + (r >> shift) the finished code.
type grid struct {
	name   string
	normal float32 // the lowest normal
	magic  float32
	shift  uint8
}

var (
	e2m1 = grid{"E2M1", 1, 1<<22 + 3, 22}
	e4m3 = grid{"E4M3", 0x1p-6, 1<<20 + 19, 20}
)

// constants are the numbers of a grid in registers.
type constants struct {
	grid
	low, exponent, mul VecVirtual
}

func (g grid) load(l Level) constants {
	return constants{g,
		float(l, g.name+"Normal", g.normal),
		bits(l, "Exponent", 0x7F800000),
		float(l, g.name+"Magic", g.magic),
	}
}

// power returns p of a magnitude.
func (g constants) power(l Level, a VecVirtual) VecVirtual {
	return l.And(l.MaxU(a, g.low), g.exponent)
}

// encode returns the code of a magnitude that the format holds, in the low bits;
// those above are not defined.
func (g constants) encode(l Level, a VecVirtual) VecVirtual {
	return g.code(l, l.FMA(g.power(l, a), g.mul, a)) // in a's register
}

// encodeDecode also returns the code's value, r − p·magic.
func (g constants) encodeDecode(l Level, a VecVirtual) (code, value VecVirtual) {
	step := l.Mul(g.power(l, a), g.mul)
	r := add(l, a, step)
	return g.code(l, r), sub(l, r, step)
}

// code returns the code of r in the low bits; those above are not defined.
func (g constants) code(l Level, r VecVirtual) VecVirtual {
	return l.Add(l.ShiftR(r, g.shift), r)
}

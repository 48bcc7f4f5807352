package vec

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// apply emits an instruction of two sources, a the one that must be a register.
// AVX-512 has other names for the bitwise ones.
func (l Level) apply(avx2, avx512 func(...Op), a VecVirtual, b Op) VecVirtual {
	d := l.New()
	if l.Wide() {
		avx512(b, a, d)
	} else {
		avx2(b, a, d)
	}
	return d
}

func three(f func(b, a, d Op)) func(...Op) {
	return func(ops ...Op) { f(ops[0], ops[1], ops[2]) }
}

// Bitwise.

func (l Level) And(a VecVirtual, b Op) VecVirtual { return l.apply(three(VPAND), VPANDD, a, b) }
func (l Level) Or(a VecVirtual, b Op) VecVirtual  { return l.apply(three(VPOR), VPORD, a, b) }

// AndNot returns a &^ b.
func (l Level) AndNot(a, b VecVirtual) VecVirtual {
	return l.apply(three(VPANDN), VPANDND, b, a) // the operand to negate comes first
}

// OrAnd returns a | b&c, perhaps in a's register.
func (l Level) OrAnd(a, b, c VecVirtual) VecVirtual {
	if !l.Wide() {
		return l.Or(a, l.And(b, c))
	}
	VPTERNLOGD(U8(0b1111_1000), c, b, a) // where a is set, or both of b and c
	return a
}

// Integers in 32-bit lanes.

func (l Level) Add(a VecVirtual, b Op) VecVirtual  { return l.apply(VPADDD, VPADDD, a, b) }
func (l Level) MaxU(a VecVirtual, b Op) VecVirtual { return l.apply(VPMAXUD, VPMAXUD, a, b) }

// ShiftL returns a << n.
func (l Level) ShiftL(a VecVirtual, n uint8) VecVirtual {
	d := l.New()
	VPSLLD(U8(n), a, d)
	return d
}

// ShiftR returns a >> n, zeros coming in.
func (l Level) ShiftR(a VecVirtual, n uint8) VecVirtual {
	d := l.New()
	VPSRLD(U8(n), a, d)
	return d
}

// Integers in 16-bit lanes.

func (l Level) MaxUW(a VecVirtual, b Op) VecVirtual { return l.apply(VPMAXUW, VPMAXUW, a, b) }
func (l Level) MinUW(a VecVirtual, b Op) VecVirtual { return l.apply(VPMINUW, VPMINUW, a, b) }

// Integers in 8-bit lanes.

func (l Level) AddB(a VecVirtual, b Op) VecVirtual { return l.apply(VPADDB, VPADDB, a, b) }

// GreaterB returns all ones where a > b as signed numbers, else zeros. AVX2 only.
func (l Level) GreaterB(a, b VecVirtual) VecVirtual {
	d := l.New()
	VPCMPGTB(b, a, d)
	return d
}

// BlendB returns a where the mask is all ones, b where it is zero. AVX2 only.
func (l Level) BlendB(mask, a, b VecVirtual) VecVirtual {
	d := l.New()
	VPBLENDVB(mask, a, b, d)
	return d
}

// ShuffleB returns the bytes of a table that the bytes of i, below 16, select. The
// table is one of 16 bytes in each 128-bit lane.
func (l Level) ShuffleB(table, i VecVirtual) VecVirtual {
	d := l.New()
	VPSHUFB(i, table, d)
	return d
}

// Zipping works within 128-bit lanes too: a₀, b₀, a₁, b₁, … of their lower or
// higher halves.

func (l Level) ZipLow8(a, b VecVirtual) VecVirtual   { return l.apply(VPUNPCKLBW, VPUNPCKLBW, a, b) }
func (l Level) ZipHigh8(a, b VecVirtual) VecVirtual  { return l.apply(VPUNPCKHBW, VPUNPCKHBW, a, b) }
func (l Level) ZipLow16(a, b VecVirtual) VecVirtual  { return l.apply(VPUNPCKLWD, VPUNPCKLWD, a, b) }
func (l Level) ZipHigh16(a, b VecVirtual) VecVirtual { return l.apply(VPUNPCKHWD, VPUNPCKHWD, a, b) }

// float32.

func (l Level) Mul(a VecVirtual, b Op) VecVirtual { return l.apply(VMULPS, VMULPS, a, b) }

// Div returns a / b.
func (l Level) Div(a VecVirtual, b Op) VecVirtual { return l.apply(VDIVPS, VDIVPS, a, b) }

// MaxAbs returns the larger magnitude of a and b with the sign of a. AVX-512 only.
func (l Level) MaxAbs(a, b VecVirtual) VecVirtual {
	const larger, magnitude, signOfFirst = 0b01, 0b10, 0b00 << 2
	d := l.New()
	VRANGEPS(U8(larger|magnitude|signOfFirst), b, a, d)
	return d
}

// FMA returns a·b + c, rounded once, in c's register.
func (l Level) FMA(a VecVirtual, b Op, c VecVirtual) VecVirtual {
	VFMADD231PS(b, a, c)
	return c
}

// Packing works within 128-bit lanes: the narrowed elements of a's lane come
// first, then those of b's.

// PackU32 narrows 32-bit values below 1<<16.
func (l Level) PackU32(a, b VecVirtual) VecVirtual { return l.apply(VPACKUSDW, VPACKUSDW, a, b) }

// PackS32 narrows signed 32-bit values and saturates, which keeps the sign.
func (l Level) PackS32(a, b VecVirtual) VecVirtual { return l.apply(VPACKSSDW, VPACKSSDW, a, b) }

// PackU16 narrows 16-bit values below 1<<8.
func (l Level) PackU16(a, b VecVirtual) VecVirtual { return l.apply(VPACKUSWB, VPACKUSWB, a, b) }

// PackS16 narrows signed 16-bit values and saturates, which keeps the sign.
func (l Level) PackS16(a, b VecVirtual) VecVirtual { return l.apply(VPACKSSWB, VPACKSSWB, a, b) }

// Permute returns the 32-bit lanes of a in the order of the index.
func (l Level) Permute(index VecVirtual, a Op) VecVirtual {
	d := l.New()
	VPERMD(a, index, d)
	return d
}

// Unordered is the predicate of a comparison that holds where either side is NaN.
const Unordered = 3

// IfNaN jumps to the label if any of the vectors, an even number, holds a NaN. One
// comparison serves two, and a jump that is hardly ever taken costs less than to
// put NaNs right in every group.
func (l Level) IfNaN(label string, x ...VecVirtual) {
	if l.Wide() {
		k := K()
		VCMPPS(U8(Unordered), x[1], x[0], k)
		for i := 2; i < len(x); i += 2 {
			next := K()
			VCMPPS(U8(Unordered), x[i+1], x[i], next)
			KORW(next, k, k)
		}
		KORTESTW(k, k)
	} else {
		any := l.Unordered(x[0], x[1])
		for i := 2; i < len(x); i += 2 {
			any = l.Or(any, l.Unordered(x[i], x[i+1]))
		}
		VTESTPS(any, any)
	}
	JNZ(LabelRef(label))
}

// Unordered returns all ones where a or b is NaN, zeros elsewhere.
func (l Level) Unordered(a, b VecVirtual) VecVirtual {
	d := l.New()
	if l.Wide() {
		k := K()
		VCMPPS(U8(Unordered), b, a, k)
		VPMOVM2D(k, d)
	} else {
		VCMPPS(U8(Unordered), b, a, d)
	}
	return d
}

// Select returns a where the mask is all ones, b where it is zero.
func (l Level) Select(mask, a, b VecVirtual) VecVirtual {
	return l.Or(l.And(a, mask), l.AndNot(b, mask))
}

// Lookup128 returns the byte of the table that the lower seven bits of each byte
// of i select. AVX-512 only.
func Lookup128(table [2]VecVirtual, i VecVirtual) VecVirtual {
	d := ZMM()
	VMOVDQA64(i, d)
	VPERMI2B(table[1], table[0], d) // the index's register takes the result
	return d
}

// Groups opens a loop over the parameter groups, at least one, and returns what
// closes it, having advanced the pointers.
func Groups(advance ...Advance) (end func()) {
	groups := Load(Param("groups"), GP64())
	Label("loop")
	return func() {
		for _, a := range advance {
			ADDQ(U32(a.Bytes), a.Pointer)
		}
		DECQ(groups)
		JNZ(LabelRef("loop"))
	}
}

// Advance says by how many bytes a pointer moves each turn of a loop.
type Advance struct {
	Pointer Register
	Bytes   uint32
}

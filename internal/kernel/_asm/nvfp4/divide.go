package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"

	. "github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// Division costs as much as all the rest, and only the code of v = x/d counts:
// on which side of seven thresholds v lies, and whether a negative v is 0. A
// product with 1/d in two parts gives the same codes:
//
//	hi = 1/d, e = 1 − d·hi (exact), lo = e·hi·(1 + e)
//	v′ = x·hi + x·lo, of which the second product and the sum are rounded
//
// v′ is within an ulp of x/d, so that a threshold t can lie between them only
// where x is one of the floats next to t·d. Those cases depend on the mantissa of
// d alone: TestDivThresholds goes through all 2²³ of them.
//
// That holds for all normal d > 0, and the parts neither overflow nor lose bits.
// v is 0 if and only if |x| ≤ d·2⁻¹⁵⁰, which is to say |x| ≤ ⌊d/2⌋·2⁻¹⁴⁹; below
// 2²⁵ the integer ⌊d/2⌋ is the bits of that float32.

// chunk is kernel.NVFP4Chunk, for so many divisors there is room.
const chunk = 128

// What is kept of each divisor, in arrays of a chunk: their places.
const (
	partHi   = 4 * chunk * iota
	partLo   // the rest of 1/d
	partMost // 6d, a bound of |x|
	partZero // the largest x < 0 whose v is 0, or -0
)

const (
	firstDivisor = 0x00800000       // 2⁻¹²⁶, as bits
	divisorLimit = (127 + 25) << 23 // 2²⁵
)

// divisorParts computes the parts of the divisors.
func divisorParts(l Level) {
	name := "divisorParts" + l.Name
	TEXT(name, NOSPLIT, "func(parts, div *float32, groups int) (outside uint32)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s sets the parts of groups of %d divisors. If one of them is not", name, perGroup(l)),
		"in 2⁻¹²⁶ ≤ d < 2²⁵, outside is not 0 and the parts are not to be used.")
	parts, div := Load(Param("parts"), GP64()), Load(Param("div"), GP64())
	first, last := bits(l, "FirstDivisor", firstDivisor), bits(l, "LastDivisor", divisorLimit-1)
	one, half, six, sign := float(l, "One", 1), float(l, "Half", 0.5), float(l, "Six", 6), bits(l, "Sign", 1<<31)
	differ := l.Zero()
	end := groups(l, by(parts, 4), by(div, 4))

	d := l.Load(Mem{Base: div})
	moved := xor(l, d, minBits(l, l.MaxU(d, first), last))
	VMOVAPS(l.Or(differ, moved), differ)
	Comment("hi = 1/d, e = 1 − d·hi, lo = e·hi·(1 + e)")
	hi, e := l.Div(one, d), l.New()
	VMOVAPS(one, e)
	VFNMADD231PS(hi, d, e)
	lo := l.Mul(e, hi)
	lo = l.FMA(lo, e, lo)
	VMOVUPS(hi, Mem{Base: parts, Disp: partHi})
	VMOVUPS(lo, Mem{Base: parts, Disp: partLo})
	VMOVUPS(l.Mul(d, six), Mem{Base: parts, Disp: partMost})
	floor := l.Mul(d, half)
	VCVTTPS2DQ(floor, floor)
	VMOVUPS(l.Or(floor, sign), Mem{Base: parts, Disp: partZero})
	end()

	outside := GP32()
	if l.Wide() {
		k := K()
		VPTESTMD(differ, differ, k)
		KMOVW(k, outside)
	} else {
		zero := l.Zero()
		VPCMPEQD(zero, differ, differ)
		VMOVMSKPS(differ, outside)
		XORL(U32(0xFF), outside)
	}
	Store(outside, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// Package bf16 implements bfloat16, the upper half of a float32: 1 sign bit, 8 exponent bits (bias
// 127) and 7 mantissa bits.
//
//	Inf 0x7F80   NaN 0x7F81–0x7FFF   largest finite 0x7F7F   smallest normal 0x0080
//
// Decoding is exact. Encoding rounds to nearest, ties to even, and keeps infinities; a value that
// rounds above the largest finite one becomes infinite.
package bf16

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// Limits of the format. Each is exact in float32.
const (
	Max             = 0x1.FEp127 // largest finite value, 0x7F7F
	SmallestNormal  = 0x1p-126   // 0x0080
	SmallestNonzero = 0x1p-133   // 0x0001, subnormal
	Epsilon         = 0x1p-7     // distance from 1 to the next larger value
)

const (
	signMask = 0x8000
	expMask  = 0x7F80
)

// BF16 is one bfloat16, held as its bits.
type BF16 uint16

// FromBits returns the value with the bits b.
func FromBits(b uint16) BF16 { return BF16(b) }

// FromFloat32 rounds f to the nearest BF16, ties to even; magnitudes of 0x1.FFp127 (bits
// 0x7F7F8000) and above become infinite. Subnormals are rounded like all others.
//
// A NaN stays a NaN with f's sign and upper payload bits, made quiet: the result is
// bits(f)>>16 | 0x0040. torch 2.15 writes 0xFFFF for every NaN, and ml_dtypes 0.6.0 writes 0x7FC0
// or 0xFFC0: the three agree that the result is a NaN, not on which.
func FromFloat32(f float32) BF16 { return BF16(kernel.BF16FromFloat32(f)) }

// Bits returns the bits of b.
func (b BF16) Bits() uint16 { return uint16(b) }

// Float32 returns b's value, which float32 holds exactly. A NaN keeps its sign and payload.
func (b BF16) Float32() float32 { return math.Float32frombits(uint32(b) << 16) }

// IsNaN reports whether b is a NaN.
func (b BF16) IsNaN() bool { return b&^signMask > expMask }

// IsInf reports whether b is an infinity: positive if sign > 0, negative if sign < 0, either if
// sign == 0.
func (b BF16) IsInf(sign int) bool {
	return sign >= 0 && b == expMask || sign <= 0 && b == signMask|expMask
}

// IsFinite reports whether b is neither infinite nor a NaN.
func (b BF16) IsFinite() bool { return b&expMask != expMask }

// Signbit reports whether b is negative, -0 or a NaN with the sign bit.
func (b BF16) Signbit() bool { return b&signMask != 0 }

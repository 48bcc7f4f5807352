package fp8

import "github.com/trueup-rl/trueup/internal/kernel"

// E5M2 is one value of 5 exponent and 2 mantissa bits, held as its bits: the upper half of an IEEE
// 754 binary16.
type E5M2 uint8

const (
	e5m2Inf = 0x7C
	e5m2NaN = 0x7F
)

// E5M2FromBits returns the value with the bits b.
func E5M2FromBits(b uint8) E5M2 { return E5M2(b) }

// E5M2FromFloat32 rounds f to the nearest value, ties to even, and saturates: magnitudes above
// 57344, infinities included, become ±57344. A NaN of either sign gives 0x7F. It equals CUDA's
// cvt.rn.satfinite.
func E5M2FromFloat32(f float32) E5M2 { return E5M2(kernel.E5M2FromFloat32(f)) }

// E5M2FromFloat32NoSat rounds f to the nearest value, ties to even; magnitudes of 61440 and above
// become infinite. A NaN becomes 0x7F or 0xFF, by its sign.
//
// It equals torch 2.15, and ml_dtypes 0.6.0 except that the latter's NaNs are 0x7E and 0xFE.
func E5M2FromFloat32NoSat(f float32) E5M2 { return E5M2(kernel.E5M2FromFloat32NoSat(f)) }

// Bits returns the bits of q.
func (q E5M2) Bits() uint8 { return uint8(q) }

// Float32 returns q's value. A NaN gives a quiet NaN with q's sign.
func (q E5M2) Float32() float32 { return kernel.E5M2ToFloat32(uint8(q)) }

// IsNaN reports whether q is a NaN.
func (q E5M2) IsNaN() bool { return q&magMask > e5m2Inf }

// IsInf reports whether q is an infinity: positive if sign > 0, negative if sign < 0, either if
// sign == 0.
func (q E5M2) IsInf(sign int) bool {
	return sign >= 0 && q == e5m2Inf || sign <= 0 && q == signMask|e5m2Inf
}

// IsFinite reports whether q is neither infinite nor a NaN.
func (q E5M2) IsFinite() bool { return q&magMask < e5m2Inf }

// Signbit reports whether q is negative, -0 or a NaN with the sign bit.
func (q E5M2) Signbit() bool { return q&signMask != 0 }

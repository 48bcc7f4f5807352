package fp8

import "github.com/trueup-rl/trueup/internal/kernel"

// E4M3 is one value of 4 exponent and 3 mantissa bits, held as its bits.
type E4M3 uint8

const e4m3NaN = 0x7F

// E4M3FromBits returns the value with the bits b.
func E4M3FromBits(b uint8) E4M3 { return E4M3(b) }

// E4M3FromFloat32 rounds f to the nearest value, ties to even, and saturates: magnitudes above 448,
// infinities included, become ±448. A NaN of either sign gives 0x7F: the sign of a NaN that
// arithmetic made depends on the processor.
//
// It equals CUDA's cvt.rn.satfinite, and torch 2.15 except that torch keeps a NaN's sign. (torch
// before 2.12 overflowed to NaN.)
func E4M3FromFloat32(f float32) E4M3 { return E4M3(kernel.E4M3FromFloat32(f)) }

// E4M3FromFloat32NoSat rounds f to the nearest value, ties to even. The format has no infinity:
// magnitudes above 464, infinities included, become a NaN, as NaNs do, with f's sign. 464 itself is
// a tie, and gives 448. It equals ml_dtypes 0.6.0.
func E4M3FromFloat32NoSat(f float32) E4M3 { return E4M3(kernel.E4M3FromFloat32NoSat(f)) }

// Bits returns the bits of q.
func (q E4M3) Bits() uint8 { return uint8(q) }

// Float32 returns q's value. A NaN gives a quiet NaN with q's sign.
func (q E4M3) Float32() float32 { return kernel.E4M3ToFloat32(uint8(q)) }

// IsNaN reports whether q is a NaN.
func (q E4M3) IsNaN() bool { return q&magMask == e4m3NaN }

// IsInf reports false: the format has no infinities.
func (q E4M3) IsInf(sign int) bool { return false }

// IsFinite reports whether q is not a NaN.
func (q E4M3) IsFinite() bool { return !q.IsNaN() }

// Signbit reports whether q is negative, -0 or a NaN with the sign bit.
func (q E4M3) Signbit() bool { return q&signMask != 0 }

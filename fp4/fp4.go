// Package fp4 implements the 4-bit float E2M1 of the OCP Microscaling Formats specification 1.0,
// the element of NVFP4 and MXFP4: 1 sign bit, 2 exponent bits (bias 1) and 1 mantissa bit. It has
// neither infinities nor NaNs.
//
//	code   0  1    2  3    4  5  6  7    8   9 … F
//	value  0  0.5  1  1.5  2  3  4  6   -0  the others, negative
//
// In memory two codes share a byte, the one of the even column in the low nibble.
package fp4

import "github.com/trueup-rl/trueup/internal/kernel"

// Limits of the format.
const (
	Max             = 6   // largest value, code 7
	SmallestNormal  = 1   // code 2
	SmallestNonzero = 0.5 // code 1, subnormal
)

// E2M1 is one code, in the low four bits. Functions of this package ignore the upper four and
// return them zero.
type E2M1 uint8

const signMask E2M1 = 8

// FromBits returns the code in the low four bits of b.
func FromBits(b uint8) E2M1 { return E2M1(b & 0xF) }

// FromFloat32 rounds f to the nearest value, ties to the even code, and saturates: magnitudes above
// 5 and infinities become ±6. The sign bit is copied, so -0 and -0.1 give 8 (-0), as in ml_dtypes
// 0.6.0 and torchao 0.18.0; ModelOpt and TransformerEngine differ for -0 alone, which gives 0.
//
// The format has no NaN: a NaN of either sign gives 7 (+6), as with CUDA's cvt.rn.satfinite.
// ml_dtypes gives 8 for +NaN and 0 for -NaN.
func FromFloat32(f float32) E2M1 { return E2M1(kernel.E2M1FromFloat32(f)) }

// Bits returns the code, 0 to 15.
func (c E2M1) Bits() uint8 { return uint8(c & 0xF) }

// Float32 returns the value of c.
func (c E2M1) Float32() float32 { return kernel.E2M1ToFloat32(uint8(c)) }

// Signbit reports whether c is negative or -0.
func (c E2M1) Signbit() bool { return c&signMask != 0 }

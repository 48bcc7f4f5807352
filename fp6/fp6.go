// Package fp6 implements the 6-bit floats E2M3 and E3M2 of the OCP Microscaling Formats
// specification 1.0, elements of MXFP6.
//
//	      sign/exp/mantissa  bias  largest     smallest normal  smallest
//	E2M3  1/2/3              1     7.5 (0x1F)  1 (0x08)         0.125  (0x01)
//	E3M2  1/3/2              3     28  (0x1F)  0.25 (0x04)      0.0625 (0x01)
//
// They have neither infinities nor NaNs; 0x20 is -0. Encoding rounds to nearest, ties to the even
// code, and saturates. The sign bit is copied, so that -0 and what rounds to it gives 0x20. That
// equals ml_dtypes 0.6.0 and torchao 0.18.0, except for a NaN: of either sign, it gives the largest
// value, as with CUDA's cvt.rn.satfinite; theirs depends on the sign or on the payload.
//
// A code is held in the low six bits of a byte. [Pack] puts four of them in three bytes.
package fp6

import "math"

// Limits of E2M3.
const (
	MaxE2M3             = 7.5   // 0x1F
	SmallestNormalE2M3  = 1     // 0x08
	SmallestNonzeroE2M3 = 0.125 // 0x01, subnormal
)

// Limits of E3M2.
const (
	MaxE3M2             = 28     // 0x1F
	SmallestNormalE3M2  = 0.25   // 0x04
	SmallestNonzeroE3M2 = 0.0625 // 0x01, subnormal
)

// E2M3 is one code of 2 exponent and 3 mantissa bits. Functions of this package ignore the upper
// two bits and return them zero.
type E2M3 uint8

// E3M2 is one code of 3 exponent and 2 mantissa bits. Functions of this package ignore the upper
// two bits and return them zero.
type E3M2 uint8

const (
	codeMask = 0x3F
	signMask = 0x20
	magMask  = 0x1F
)

// E2M3FromBits returns the code in the low six bits of b.
func E2M3FromBits(b uint8) E2M3 { return E2M3(b & codeMask) }

// E3M2FromBits returns the code in the low six bits of b.
func E3M2FromBits(b uint8) E3M2 { return E3M2(b & codeMask) }

// E2M3FromFloat32 rounds f to the nearest value, ties to the even code. Magnitudes above 7.5 and
// infinities become ±7.5, and NaNs 7.5.
func E2M3FromFloat32(f float32) E2M3 { return E2M3(e2m3.encode(f)) }

// E3M2FromFloat32 rounds f to the nearest value, ties to the even code. Magnitudes above 28 and
// infinities become ±28, and NaNs 28.
func E3M2FromFloat32(f float32) E3M2 { return E3M2(e3m2.encode(f)) }

// Bits returns the code.
func (c E2M3) Bits() uint8 { return uint8(c & codeMask) }

// Bits returns the code.
func (c E3M2) Bits() uint8 { return uint8(c & codeMask) }

// Float32 returns the value of c.
func (c E2M3) Float32() float32 { return e2m3Values[c&codeMask] }

// Float32 returns the value of c.
func (c E3M2) Float32() float32 { return e3m2Values[c&codeMask] }

// Signbit reports whether c is negative or -0.
func (c E2M3) Signbit() bool { return c&signMask != 0 }

// Signbit reports whether c is negative or -0.
func (c E3M2) Signbit() bool { return c&signMask != 0 }

// format is one of the two.
type format struct {
	mantissa uint32 // bits
	least    uint32 // exponent field of the smallest normal value, as float32
	max      uint32 // as float32 bits
}

var (
	e2m3 = format{mantissa: 3, least: 127, max: 0x40F0_0000}
	e3m2 = format{mantissa: 2, least: 125, max: 0x41E0_0000}
)

// encode returns the code of f.
//
// With a mantissa of m bits, the step is 2^-m times the power of two at or below the magnitude. A
// float32 at 2^(23-m) times that power has the same step: the addition rounds, and leaves the number
// of steps in the low bits of the sum. Each doubling adds 2^m codes.
func (t format) encode(f float32) uint8 {
	const infinity = 0x7F80_0000
	u := math.Float32bits(f)
	sign, mag := uint8(u>>31)<<5, u&^(1<<31)
	if mag > infinity {
		return magMask
	}
	mag = min(mag, t.max)
	exp := max(mag>>23, t.least)
	big := (exp + 23 - t.mantissa) << 23
	sum := math.Float32frombits(mag) + math.Float32frombits(big)
	return sign | uint8(math.Float32bits(sum)-big+(exp-t.least)<<t.mantissa)
}

// values returns what the codes stand for.
func (t format) values() (table [64]float32) {
	step := math.Float32frombits((t.least - t.mantissa) << 23) // of the subnormal values
	for c := range uint32(signMask) {
		e, m := c>>t.mantissa, c&(1<<t.mantissa-1)
		v := float32(float32(m) * step)
		if e > 0 {
			v = math.Float32frombits((e-1+t.least)<<23 | m<<(23-t.mantissa))
		}
		table[c], table[c|signMask] = v, float32(math.Copysign(float64(v), -1))
	}
	return table
}

var e2m3Values, e3m2Values = e2m3.values(), e3m2.values()

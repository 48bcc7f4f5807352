package fp8

import "math"

// E5M2 is one value of 5 exponent and 2 mantissa bits, held as its bits: the upper half of an IEEE
// 754 binary16.
type E5M2 uint8

const (
	e5m2Inf = 0x7C
	e5m2NaN = 0x7F
)

// Magnitudes as float32 bits.
const (
	e5m2Max  = 0x4760_0000 // 57344
	e5m2Over = 0x4780_0000 // 65536: 57344 and one step, whose code is the infinity
)

// E5M2FromBits returns the value with the bits b.
func E5M2FromBits(b uint8) E5M2 { return E5M2(b) }

// E5M2FromFloat32 rounds f to the nearest value, ties to even, and saturates: magnitudes above
// 57344, infinities included, become ±57344. A NaN of either sign gives 0x7F. It equals CUDA's
// cvt.rn.satfinite.
func E5M2FromFloat32(f float32) E5M2 {
	u := math.Float32bits(f)
	sign, mag := E5M2(u>>24)&signMask, u&f32MagMask
	if mag > f32Inf {
		return e5m2NaN
	}
	return sign | e5m2Round(min(mag, e5m2Max))
}

// E5M2FromFloat32NoSat rounds f to the nearest value, ties to even; magnitudes of 61440 and above
// become infinite. A NaN becomes 0x7F or 0xFF, by its sign.
//
// It equals torch 2.15, and ml_dtypes 0.6.0 except that the latter's NaNs are 0x7E and 0xFE.
func E5M2FromFloat32NoSat(f float32) E5M2 {
	u := math.Float32bits(f)
	sign, mag := E5M2(u>>24)&signMask, u&f32MagMask
	if mag > f32Inf {
		return sign | e5m2NaN
	}
	return sign | e5m2Round(min(mag, e5m2Over))
}

// e5m2Round is e4m3Round for a mantissa of two bits: the step is 2^-16 below 2^-14, and each doubling
// adds four codes.
func e5m2Round(mag uint32) E5M2 {
	exp := max(mag>>23, 127-14)
	big := (exp + 21) << 23
	sum := math.Float32frombits(mag) + math.Float32frombits(big)
	return E5M2(math.Float32bits(sum) - big + (exp-(127-14))<<2)
}

// Bits returns the bits of q.
func (q E5M2) Bits() uint8 { return uint8(q) }

// Float32 returns q's value. A NaN gives a quiet NaN with q's sign.
func (q E5M2) Float32() float32 { return e5m2Values[q] }

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

var e5m2Values = func() (table [256]float32) {
	for i := range uint32(0x80) {
		e, m := i>>2, i&3
		bits := (e+127-15)<<23 | m<<21
		switch {
		case e == 0:
			bits = math.Float32bits(float32(float32(m) * SmallestNonzeroE5M2))
		case i == e5m2Inf:
			bits = f32Inf
		case i > e5m2Inf:
			bits = f32NaN
		}
		table[i] = math.Float32frombits(bits)
		table[i|signMask] = math.Float32frombits(bits | f32Sign)
	}
	return table
}()

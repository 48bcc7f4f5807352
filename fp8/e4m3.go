package fp8

import "math"

// E4M3 is one value of 4 exponent and 3 mantissa bits, held as its bits.
type E4M3 uint8

const e4m3NaN = 0x7F

// Magnitudes as float32 bits, which order as the magnitudes do, NaN above all.
const (
	e4m3Max  = 0x43E0_0000 // 448
	e4m3Over = 0x43F0_0000 // 480: 448 and one step, whose code is the NaN
)

// E4M3FromBits returns the value with the bits b.
func E4M3FromBits(b uint8) E4M3 { return E4M3(b) }

// E4M3FromFloat32 rounds f to the nearest value, ties to even, and saturates: magnitudes above 448,
// infinities included, become ±448. A NaN of either sign gives 0x7F: the sign of a NaN that
// arithmetic made depends on the processor.
//
// It equals CUDA's cvt.rn.satfinite, and torch 2.15 except that torch keeps a NaN's sign. (torch
// before 2.12 overflowed to NaN.)
func E4M3FromFloat32(f float32) E4M3 {
	u := math.Float32bits(f)
	sign, mag := E4M3(u>>24)&signMask, u&f32MagMask
	if mag > f32Inf {
		return e4m3NaN
	}
	return sign | e4m3Round(min(mag, e4m3Max))
}

// E4M3FromFloat32NoSat rounds f to the nearest value, ties to even. The format has no infinity:
// magnitudes above 464, infinities included, become a NaN, as NaNs do, with f's sign. 464 itself is
// a tie, and gives 448. It equals ml_dtypes 0.6.0.
func E4M3FromFloat32NoSat(f float32) E4M3 {
	u := math.Float32bits(f)
	return E4M3(u>>24)&signMask | e4m3Round(min(u&f32MagMask, e4m3Over))
}

// e4m3Round returns the code of the magnitude with float32 bits mag, at most e4m3Over.
//
// With a mantissa of three bits, the step is 2^-3 times the power of two at or below the magnitude,
// and 2^-9 below 2^-6. A float32 at 2^20 times that power has the same step: the addition rounds,
// and leaves the number of steps in the low bits of the sum. Each doubling adds eight codes.
func e4m3Round(mag uint32) E4M3 {
	exp := max(mag>>23, 127-6)
	big := (exp + 20) << 23
	sum := math.Float32frombits(mag) + math.Float32frombits(big)
	return E4M3(math.Float32bits(sum) - big + (exp-(127-6))<<3)
}

// Bits returns the bits of q.
func (q E4M3) Bits() uint8 { return uint8(q) }

// Float32 returns q's value. A NaN gives a quiet NaN with q's sign.
func (q E4M3) Float32() float32 { return e4m3Values[q] }

// IsNaN reports whether q is a NaN.
func (q E4M3) IsNaN() bool { return q&magMask == e4m3NaN }

// IsInf reports false: the format has no infinities.
func (q E4M3) IsInf(sign int) bool { return false }

// IsFinite reports whether q is not a NaN.
func (q E4M3) IsFinite() bool { return !q.IsNaN() }

// Signbit reports whether q is negative, -0 or a NaN with the sign bit.
func (q E4M3) Signbit() bool { return q&signMask != 0 }

var e4m3Values = func() (table [256]float32) {
	for i := range uint32(0x80) {
		e, m := i>>3, i&7
		bits := (e+127-7)<<23 | m<<20
		switch {
		case e == 0:
			bits = math.Float32bits(float32(float32(m) * SmallestNonzeroE4M3))
		case i == e4m3NaN:
			bits = f32NaN
		}
		table[i] = math.Float32frombits(bits)
		table[i|signMask] = math.Float32frombits(bits | f32Sign)
	}
	return table
}()

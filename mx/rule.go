package mx

import (
	"math"
	"math/bits"
)

// exponentRule returns the exponent of the scale of a block with the largest magnitude b, which may
// be infinite but not NaN, before it is clamped. It grows with b, by at most 1 between powers of two.
//
// None takes a logarithm: those that stand for one rounded to float32 know how far from an integer
// it rounds to that.
type exponentRule func(e *element, b float32) int

// exponent returns that of b, which is not negative: -127 if it is subnormal, 128 if infinite.
func exponent(b float32) int { return int(math.Float32bits(b)>>23) - 127 }

// addBits adds n steps of float32 to b, which is not negative.
func addBits(b float32, n uint32) float32 { return math.Float32frombits(math.Float32bits(b) + n) }

const (
	mantissaBits = 23
	mantissaMask = 1<<mantissaBits - 1
)

func floor(e *element, b float32) int { return exponent(b) - e.exponent }

func ceil(e *element, b float32) int { return exponent(addBits(b, mantissaMask)) - e.exponent }

func even(e *element, b float32) int {
	return exponent(addBits(b, 1<<(mantissaBits-1-e.mantissa))) - e.exponent
}

// evenOfE2M1 is even with the mantissa of E2M1, whatever the format.
func evenOfE2M1(e *element, b float32) int {
	return exponent(addBits(b, 1<<(mantissaBits-2))) - e.exponent
}

func leastWithoutSaturation(e *element, b float32) int {
	if b > math.MaxFloat32 {
		return 127
	}
	return exponent(addBits(b, mantissaMask-math.Float32bits(e.max)&mantissaMask)) - e.exponent
}

func ceilOfQuotient(e *element, b float32) int {
	return exponent(addBits(max(b, 1e-4)/e.max, mantissaMask))
}

func ceilLog2OfQuotient(e *element, b float32) int { return ceilLog2(b / e.max) }

func floorOfLog2(e *element, b float32) int { return floorLog2(b) - e.exponent }

// fbgemm makes an exponentRule of what FBGEMM takes as the exponent of b.
func fbgemm(exponent func(b float32) int) exponentRule {
	return func(e *element, b float32) int { return min(exponent(b)-e.exponent, 125) }
}

// floorLog2OfSum may take the logarithm of a NaN, which log2Parts takes for an infinity.
func floorLog2OfSum(b float32) int { return floorLog2(addBits(b, 0x1FFFFF)) }

// Near 2^e the logarithm of 2^e·(1+d) is e + d/ln 2. Rounded to float32, that is the integer e if it
// is within half of a step of the float32s on that side of e. With a = e, or -e-1 if e is negative, such
// a step is 2^-23 times the power of two at or below a, so that for a of n bits
//
//	2^e·(1 + m·2^-23)       has the logarithm e     for m < 2^(n-2)·ln 2
//	2^(e+1)·(1 - j·2^-24)   has the logarithm e+1   for j < 2^(n-1)·ln 2
//
// TestLogarithms holds these bounds against float64.

// ln2Times[k] is the integer part of 2^k·ln 2.
var ln2Times = [...]uint32{0, 1, 2, 5, 11, 22, 44, 88}

// logBits returns the n above.
func logBits(e int) int { return bits.Len(uint(max(e, -e-1))) }

// log2Parts returns e and m of b = 2^e·(1+m·2^-23), for an infinity and NaN 2^128, for 0 an e below all
// others.
func log2Parts(b float32) (e int, m uint32) {
	u := math.Float32bits(b)
	if e = int(u>>mantissaBits) - 127; e > -127 {
		return e, u & mantissaMask
	}
	shift := bits.LeadingZeros32(u) - (31 - mantissaBits)
	return e + 1 - shift, u << shift & mantissaMask
}

// ceilLog2 returns the integer at or above log2(b) rounded to float32.
func ceilLog2(b float32) int {
	e, m := log2Parts(b)
	if m > ln2Times[max(logBits(e)-2, 0)] {
		e++
	}
	return e
}

// floorLog2 returns the integer at or below log2(b) rounded to float32.
func floorLog2(b float32) int {
	e, m := log2Parts(b)
	if j := 1<<mantissaBits - m; j <= ln2Times[max(logBits(e)-1, 0)] {
		e++
	}
	return e
}

// halfAbove[n] is the least mantissa m for which the logarithm of 2^e·(1 + m·2^-23) rounds to at least
// e+½: that of √2, 0x3504F4, or a little less.
var halfAbove = [...]uint32{0x3504F3, 0x3504F3, 0x3504F3, 0x3504F2, 0x3504F0, 0x3504EC, 0x3504E4, 0x3504D4, 0x3504B5}

// floorLog2AndHalf returns the integer at or below log2(b) + 0.5, both rounded to float32.
func floorLog2AndHalf(b float32) int {
	e, m := log2Parts(b)
	if m >= halfAbove[logBits(e)] {
		e++
	}
	return e
}

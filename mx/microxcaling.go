package mx

import "math"

// halfAway rounds n ≥ 0 to an integer, n + 0.5 to float32 first.
func halfAway(n float32) uint32 { return uint32(n + 0.5) }

// halfToEven is halfAway, less 1 for an even number and a half.
func halfToEven(n float32) uint32 {
	r := halfAway(n)
	if float32(r)-0.5 == n {
		r &^= 1
	}
	return r
}

// count sets codes to those that count steps of the format, rounded by round.
func (s *scheme) count(codes []byte, x, factor []float32, round func(n float32) uint32) {
	code := func(v float32) uint8 { return s.element.count(v, round) }
	if s.format == E2M1 {
		eachNibble(codes, x, factor, code)
	} else {
		eachByte(codes, x, factor, code)
	}
}

// count returns the code of v. NaN gives the code of NaN, or the largest value's.
func (e *element) count(v float32, round func(n float32) uint32) uint8 {
	if v != v {
		return e.nan
	}
	mag := min(math.Float32frombits(math.Float32bits(v)&^f32Sign), e.max)
	// The code counts steps, and 2^mantissa more for each doubling.
	power := max(exponent(mag), e.least)
	n := float32(mag * pow2(int(e.mantissa)-power))
	code := uint8(round(n) + uint32(power-e.least)<<e.mantissa)
	if v < 0 {
		code |= e.sign
	}
	return code
}

func pow2(exponent int) float32 { return math.Float32frombits(uint32(127+exponent) << mantissaBits) }

package logprob

import "math"

// scaledSum is a sum of terms x·2ⁿ that may lie any number of magnitudes apart,
// in fixed point: the topmost digits that any term reached, of 32 binary places
// each. A term is cut off below them, at less than 2⁻⁹⁵ of the largest one.
// Whether a digit is kept depends on the largest term alone, and what is kept is
// added exactly, so order cannot show, for up to 2³¹ terms.
//
// The zero value is an empty sum.
type scaledSum struct {
	top   int64 // digits[i] is in units of 2^(32·(top−i))
	digit [4]int64
	any   bool // a term was added; otherwise top says nothing
}

const (
	digitBits = 32
	digitMask = 1<<digitBits - 1
)

// add adds x·2ⁿ. x is finite.
func (s *scaledSum) add(x float64, n int) {
	b := math.Float64bits(x)
	m, e := b&(1<<52-1), int(b>>52&0x7FF)
	if e > 0 {
		m |= 1 << 52
	} else {
		e = 1
	}
	if m == 0 {
		return
	}
	// x·2ⁿ = ±m·2^place, whose lowest digit is the one that place lies in.
	place := int64(e - 1075 + n)
	lowest := place >> 5
	shift := uint(place & (digitBits - 1))
	parts := [3]int64{ // from the lowest up
		int64(m << shift & digitMask),
		int64(m << shift >> digitBits),
		int64(m >> (2*digitBits - shift)),
	}
	highest := lowest + 1
	if parts[2] != 0 {
		highest++
	}
	s.raise(highest)
	for i, p := range parts {
		if b>>63 != 0 {
			p = -p
		}
		if j := s.top - (lowest + int64(i)); j >= 0 && j < int64(len(s.digit)) {
			s.digit[j] += p
		}
	}
}

// raise makes top the index of the first digit, if it lies above it.
func (s *scaledSum) raise(top int64) {
	if !s.any {
		s.any, s.top = true, top
		return
	}
	for ; s.top < top; s.top++ {
		if s.digit == ([4]int64{}) {
			s.top = top
			return
		}
		copy(s.digit[1:], s.digit[:3])
		s.digit[0] = 0
	}
}

// merge adds the sum o.
func (s *scaledSum) merge(o *scaledSum) {
	if !o.any {
		return
	}
	s.raise(o.top)
	for i, d := range o.digit {
		if j := s.top - o.top + int64(i); j < int64(len(s.digit)) {
			s.digit[j] += d
		}
	}
}

// parts returns the sum as m·2ᵉ, |m| < 2⁶⁴.
func (s *scaledSum) parts() (m float64, e int64) {
	for i := len(s.digit) - 1; i >= 0; i-- {
		m = float64(s.digit[i]) + float64(m*0x1p-32)
	}
	return m, digitBits * s.top
}

// float64 returns the sum, rounded.
func (s *scaledSum) float64() float64 {
	m, e := s.parts()
	return math.Ldexp(m, int(e))
}

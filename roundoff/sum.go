package roundoff

import (
	"math"
	"math/bits"
)

// sum adds squares of differences of float32 exactly, so that their order cannot show: 640 bits, lowest
// word first, half of them behind the point. Squares reach from 2^-298 to 2^258, further than
// package exact's sums. The zero value is an empty sum.
type sum [10]uint64

const (
	fractionBits = 320
	doubleBias   = 1023 + 52
)

// add adds x ≥ 0, a float64 sum of such squares, whose bits all lie in the range.
func (s *sum) add(x float64) {
	b := math.Float64bits(x)
	if b>>52 == 0 {
		return
	}
	// x = m·2^shift in units of 2^-fractionBits. Below a multiple of 2^-298, m has zeros.
	m, shift := b&(1<<52-1)|1<<52, int(b>>52)-doubleBias+fractionBits
	if shift < 0 {
		m, shift = m>>-shift, 0
	}
	word, rest := shift/64, uint(shift%64)
	var carry uint64
	s[word], carry = bits.Add64(s[word], m<<rest, 0)
	s[word+1], carry = bits.Add64(s[word+1], m>>1>>(63-rest), carry)
	for word += 2; carry != 0; word++ {
		s[word], carry = bits.Add64(s[word], 0, carry)
	}
}

func (s *sum) merge(o *sum) {
	var carry uint64
	for i := range s {
		s[i], carry = bits.Add64(s[i], o[i], carry)
	}
}

// float64 returns the sum within 2^-52 of it.
func (s *sum) float64() (x float64) {
	top := len(s) - 1
	for top > 0 && s[top] == 0 {
		top--
	}
	for i := max(top-1, 0); i <= top; i++ {
		x += math.Ldexp(float64(s[i]), 64*i-fractionBits)
	}
	return x
}

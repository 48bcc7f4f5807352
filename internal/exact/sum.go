// Package exact adds floating-point numbers so that order cannot show: any
// split of the terms over workers, ranks or files, merged in any order, gives
// the same bits. It is what makes "the row is the atom" of the statistics true.
package exact

import (
	"math"
	"math/bits"
)

// Sum is a sum of float64 values in fixed point: 256 bits in two's complement,
// lowest word first, half of them behind the point. A term is rounded once, to a
// multiple of 2⁻¹²⁸ (nearest, ties to even); from there on addition is exact,
// hence associative.
//
// Terms must stay below 2¹²⁰ in magnitude and sums below 2¹²⁷. The zero value is
// an empty sum.
type Sum [4]uint64

const (
	sumBits      = 256
	fractionBits = 128
	// maxExponent is the binary exponent from which a term is refused.
	maxExponent = 120
)

// Add adds x. It panics if x is NaN, infinite or at least 2¹²⁰ in magnitude.
func (s *Sum) Add(x float64) {
	b := math.Float64bits(x)
	e := int(b >> 52 & 0x7FF)
	if e == 0 {
		return // zero, or below half of the last place
	}
	if e >= 1023+maxExponent {
		panic("exact: term out of range")
	}
	m := b&(1<<52-1) | 1<<52
	// x = m·2^(e−1075) = (m·2^shift)·2^−fractionBits.
	shift := e - 1075 + fractionBits
	if shift < 0 {
		if shift <= -54 {
			return
		}
		m, shift = roundShift(m, uint(-shift)), 0
	}
	// m·2^shift takes two words from the first that it touches.
	first, rest := shift/64, uint(shift%64)
	s.addWords(first, m<<rest, m>>1>>(63-rest), b>>63 != 0)
}

// addWords adds lo and hi as the words first and first+1, or subtracts them.
func (s *Sum) addWords(first int, lo, hi uint64, subtract bool) {
	var carry uint64
	if subtract {
		s[first], carry = bits.Sub64(s[first], lo, 0)
		for i := first + 1; i < len(s); i++ {
			s[i], carry = bits.Sub64(s[i], hi, carry)
			hi = 0
		}
		return
	}
	s[first], carry = bits.Add64(s[first], lo, 0)
	for i := first + 1; i < len(s); i++ {
		s[i], carry = bits.Add64(s[i], hi, carry)
		hi = 0
	}
}

// roundShift returns m/2ⁿ rounded to nearest, ties to even, for 0 < n < 64.
func roundShift(m uint64, n uint) uint64 {
	q := m >> n
	rest, half := m&(1<<n-1), uint64(1)<<(n-1)
	if rest > half || rest == half && q&1 == 1 {
		q++
	}
	return q
}

// Merge adds the sum o.
func (s *Sum) Merge(o *Sum) {
	var carry uint64
	for i := range s {
		s[i], carry = bits.Add64(s[i], o[i], carry)
	}
}

func (s *Sum) negate() {
	var borrow uint64
	for i := range s {
		s[i], borrow = bits.Sub64(0, s[i], borrow)
	}
}

// Float64 returns the sum rounded once, to nearest, ties to even.
func (s Sum) Float64() float64 {
	negative := s[3]>>63 != 0
	if negative {
		s.negate()
	}
	lead := s.leadingZeros()
	if lead == sumBits {
		return 0
	}
	s.shiftLeft(uint(lead))
	// The top word now begins with a one; what lies below it only tells a tie
	// from more than a tie.
	top := s[3]
	if s[2]|s[1]|s[0] != 0 {
		top |= 1
	}
	const drop = 11 // bits of the top word beyond a float64's 53
	x := math.Ldexp(float64(roundShift(top, drop)), sumBits-64-fractionBits-lead+drop)
	if negative {
		x = -x
	}
	return x
}

func (s *Sum) leadingZeros() int {
	n := 0
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] != 0 {
			return n + bits.LeadingZeros64(s[i])
		}
		n += 64
	}
	return n
}

func (s *Sum) shiftLeft(n uint) {
	words, rest := int(n/64), n%64
	for i := len(s) - 1; i >= 0; i-- {
		var v uint64
		if j := i - words; j >= 0 {
			v = s[j] << rest
			if j > 0 && rest > 0 {
				v |= s[j-1] >> (64 - rest)
			}
		}
		s[i] = v
	}
}

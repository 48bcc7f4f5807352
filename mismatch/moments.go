package mismatch

import "math"

// Moments describe N observations of a quantity by their sums and extremes.
type Moments struct {
	N          int64
	Sum, SumSq float64
	Min, Max   float64
}

// Mean returns Σx/N, 0 without observations.
func (m Moments) Mean() float64 {
	if m.N == 0 {
		return 0
	}
	return m.Sum / float64(m.N)
}

// PopulationStd returns sqrt(E[x²] − E[x]²), 0 where rounding makes the
// difference negative.
func (m Moments) PopulationStd() float64 {
	if m.N == 0 {
		return 0
	}
	mean := m.Mean()
	return math.Sqrt(max(0, m.SumSq/float64(m.N)-float64(mean*mean)))
}

// Std returns the unbiased standard deviation (denominator N − 1), 0 below two
// observations.
func (m Moments) Std() float64 {
	if m.N < 2 {
		return 0
	}
	return float64(m.PopulationStd() * math.Sqrt(float64(m.N)/float64(m.N-1)))
}

// ESS returns (Σx)²/(N Σx²), the effective share of N weights, in (0, 1]; 0 when
// all of them are 0.
func (m Moments) ESS() float64 {
	if m.SumSq == 0 {
		return 0
	}
	return m.Sum / m.SumSq * m.Sum / float64(m.N)
}

// With returns the moments after n more observations of x.
func (m Moments) With(n int64, x float64) Moments {
	if n == 0 {
		return m
	}
	if m.N == 0 {
		m.Min, m.Max = x, x
	}
	m.N += n
	m.Sum += float64(float64(n) * x)
	m.SumSq += float64(float64(n) * x * x)
	m.Min, m.Max = min(m.Min, x), max(m.Max, x)
	return m
}

func (m Moments) standardError() float64 {
	return m.PopulationStd() / math.Sqrt(float64(m.N))
}

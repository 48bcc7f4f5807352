package loss

import "math"

// Lengths of the vectors that ranks reduce. Their layout may change with the
// module's version.
const (
	SumLen = 9 + 8 + 3*3
	MaxLen = 2 * 3
)

func (s *Summary) counts() [9]*int64 {
	return [...]*int64{&s.Rows, &s.EmptyRows, &s.Tokens, &s.NonFinite,
		&s.ClippedPositive, &s.ClippedNegative, &s.ClippedZero, &s.Capped, &s.Bounded}
}

func (s *Summary) sums() [8]*float64 {
	return [...]*float64{&s.PolicyLoss, &s.Penalty, &s.LogRatio, &s.BoundedLogRatio,
		&s.KeptK3, &s.ClippedK3, &s.KL, &s.Entropy}
}

func (s *Summary) moments() [3]*Moments { return [...]*Moments{&s.Ratio, &s.Factor, &s.Weight} }

// AppendSums appends the SumLen figures that ranks add up.
func (s *Summary) AppendSums(dst []float64) []float64 {
	for _, n := range s.counts() {
		dst = append(dst, float64(*n))
	}
	for _, x := range s.sums() {
		dst = append(dst, *x)
	}
	for _, m := range s.moments() {
		dst = append(dst, float64(m.N), m.Sum, m.SumSq)
	}
	return dst
}

// AppendMaxima appends the MaxLen figures of which ranks take the maximum: −Min and
// Max of each Moments, −Inf where there are no observations.
func (s *Summary) AppendMaxima(dst []float64) []float64 {
	for _, m := range s.moments() {
		if m.N == 0 {
			dst = append(dst, math.Inf(-1), math.Inf(-1))
			continue
		}
		dst = append(dst, -m.Min, m.Max)
	}
	return dst
}

// Reduced returns the summary of all ranks from the vectors of AppendSums, added,
// and of AppendMaxima, maximised. Unlike Stats.Merge the additions round. It
// panics on vectors of other lengths.
func Reduced(sums, maxima []float64) Summary {
	if len(sums) != SumLen || len(maxima) != MaxLen {
		panic("loss: Reduced of vectors of the wrong length")
	}
	var s Summary
	for _, n := range s.counts() {
		*n = int64(sums[0])
		sums = sums[1:]
	}
	for _, x := range s.sums() {
		*x = sums[0]
		sums = sums[1:]
	}
	for _, m := range s.moments() {
		m.N, m.Sum, m.SumSq = int64(sums[0]), sums[1], sums[2]
		if m.N > 0 {
			m.Min, m.Max = -maxima[0], maxima[1]
		}
		sums, maxima = sums[3:], maxima[2:]
	}
	return s
}

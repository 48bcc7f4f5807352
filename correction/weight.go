package correction

import (
	"math"

	"github.com/trueup-rl/trueup/internal/exact"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// weightRule is a Weight with its bounds worked out.
type weightRule struct {
	Weight
	bounds       kernel.Bounds
	logLo, logHi float64 // of bounds.Low and Hi
}

func newWeightRule(w Weight) weightRule {
	// Below low a ratio counts as low: Lo, or 1/Hi where there is none.
	low := w.Lo
	if w.Rule == Truncate {
		low = 1 / w.Hi
	}
	r := weightRule{
		Weight: w,
		bounds: kernel.Bounds{Lo: w.Lo, Hi: w.Hi, Low: low, Zero: w.Rule == IcePop},
		logLo:  kernel.Log(low),
		logHi:  kernel.Log(w.Hi),
	}
	if w.Rule == SeqMaskTIS { // the bounds are the row's, not the token's
		r.bounds = kernel.Bounds{Hi: math.Inf(1)}
	}
	return r
}

// drops reports whether SeqMaskTIS gives the row weight 0.
func (r *weightRule) drops(s *kernel.RowSums) bool {
	if r.Rule != SeqMaskTIS || s.N == 0 {
		return false
	}
	mean := s.D / float64(s.N)
	return mean < r.logLo || mean > r.logHi
}

// countDropped counts such a row.
func (s *weightStats) countDropped(r *weightRule, sums *kernel.RowSums) {
	if sums.D/float64(sums.N) > r.logHi {
		s.rowHigh++
	} else {
		s.rowLow++
	}
}

// zeroWeights returns as many weights of 0, with the counts of s.
func zeroWeights(s *kernel.WeightSums) kernel.WeightSums {
	return kernel.WeightSums{N: s.N, High: s.High, Low: s.Low}
}

// perToken reports whether tokens of a row have weights of their own.
func (r *weightRule) perToken() bool {
	return r.Rule != Unweighted && (r.Level == Token || r.Level == Turn)
}

// ofRow returns the weight that the tokens of a row share, at level Token that
// of no rule, and adds it to dst, if that is not nil.
func (r *weightRule) ofRow(s *kernel.RowSums, dst *weightStats) float64 {
	if r.Rule == Unweighted || s.N == 0 {
		return 1
	}
	logRatio, n := s.D, float64(s.N)
	if r.Level == Mean {
		logRatio = s.D / n
	}
	c := kernel.BoundedRatio(logRatio)
	w := r.bounds.Weigh(c)
	if dst == nil {
		return w
	}
	var counts kernel.WeightSums
	if c > r.Hi {
		counts.High = s.N
	}
	if c < r.bounds.Low {
		counts.Low = s.N
	}
	dst.add(r, repeated(w, s.N), &counts, float64(c*n))
	if logRatio > r.logHi {
		dst.rowHigh++
	}
	if logRatio < r.logLo {
		dst.rowLow++
	}
	return w
}

// repeated describes n weights of w.
func repeated(w float64, n int) exact.Block {
	k := float64(n)
	return exact.Block{N: int64(n), Sum: float64(w * k), SumSq: float64(w * w * k), Min: w, Max: w}
}

// momentsOf describes the weights that s sums.
func momentsOf(s *kernel.WeightSums) exact.Block {
	return exact.Block{N: int64(s.N), Sum: s.Sum, SumSq: s.SumSq, Min: s.Min, Max: s.Max}
}

// weightStats accumulate what a weight does, before normalisation.
type weightStats struct {
	applied           exact.Moments // weights over valid tokens
	high, low         int64         // tokens whose ratio is above Hi, below low
	rowHigh, rowLow   int64         // rows whose ratio, unclamped, is; levels Sequence and Mean
	rowMean           exact.Moments // a row's mean weight
	meanHigh, meanLow int64         // rows whose mean ratio is above Hi, below low
}

func (s *weightStats) merge(o *weightStats) {
	s.applied.Merge(&o.applied)
	s.high += o.high
	s.low += o.low
	s.rowHigh += o.rowHigh
	s.rowLow += o.rowLow
	s.rowMean.Merge(&o.rowMean)
	s.meanHigh += o.meanHigh
	s.meanLow += o.meanLow
}

// add adds a row: its weights, how many ratios lay out of bounds, and the sum of
// the ratios.
func (s *weightStats) add(r *weightRule, w exact.Block, counts *kernel.WeightSums, ratio float64) {
	if w.N == 0 {
		return
	}
	s.applied.AddBlock(w)
	s.high += int64(counts.High)
	s.low += int64(counts.Low)
	n := float64(w.N)
	s.rowMean.Add(w.Sum / n)
	mean := ratio / n
	if mean > r.Hi {
		s.meanHigh++
	}
	if mean < r.bounds.Low {
		s.meanLow++
	}
}

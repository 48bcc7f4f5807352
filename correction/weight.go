package correction

import (
	"github.com/trueup-rl/trueup/internal/exact"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// weightRule is a Weight with its bounds worked out.
type weightRule struct {
	Weight
	bounds       kernel.Bounds
	logLo, logHi float64 // of bounds.Low and Hi
	acc          kernel.WeightAcc
}

func newWeightRule(w Weight) weightRule {
	// Below low a ratio counts as low: Lo, or 1/Hi where there is none.
	low := w.Lo
	if w.Rule == Truncate {
		low = 1 / w.Hi
	}
	return weightRule{
		Weight: w,
		bounds: kernel.Bounds{Lo: w.Lo, Hi: w.Hi, Low: low, Zero: w.Rule == IcePop},
		logLo:  kernel.Log(low),
		logHi:  kernel.Log(w.Hi),
	}
}

// perToken reports whether tokens of a row have weights of their own.
func (r *weightRule) perToken() bool { return r.Rule != Unweighted && r.Level == Token }

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
	sums := kernel.WeightSums{Sum: float64(w * n), SumSq: float64(w * w * n), Ratio: float64(c * n), Min: w, Max: w}
	if c > r.Hi {
		sums.High = s.N
	}
	if c < r.bounds.Low {
		sums.Low = s.N
	}
	dst.add(r, &sums, s.N)
	if logRatio > r.logHi {
		dst.rowHigh++
	}
	if logRatio < r.logLo {
		dst.rowLow++
	}
	return w
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

// add adds a row of n valid tokens.
func (s *weightStats) add(r *weightRule, w *kernel.WeightSums, n int) {
	if n == 0 {
		return
	}
	s.applied.AddBlock(exact.Block{N: int64(n), Sum: w.Sum, SumSq: w.SumSq, Min: w.Min, Max: w.Max})
	s.high += int64(w.High)
	s.low += int64(w.Low)
	s.rowMean.Add(w.Sum / float64(n))
	mean := w.Ratio / float64(n)
	if mean > r.Hi {
		s.meanHigh++
	}
	if mean < r.bounds.Low {
		s.meanLow++
	}
}

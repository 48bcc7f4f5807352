package correction

import (
	"math"

	"github.com/trueup-rl/trueup/internal/exact"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// weightRule is a Weight with its bounds worked out.
type weightRule struct {
	Weight
	low          float64 // below it a ratio counts as low: Lo, or 1/Hi where there is none
	logLo, logHi float64 // of low and Hi
}

func newWeightRule(w Weight) weightRule {
	r := weightRule{Weight: w, low: w.Lo}
	if w.Rule == Truncate {
		r.low = 1 / w.Hi
	}
	r.logLo, r.logHi = kernel.Log(r.low), kernel.Log(w.Hi)
	return r
}

// weigh returns the weight for the ratio c.
func (r *weightRule) weigh(c float64) float64 {
	switch r.Rule {
	case Truncate:
		return min(c, r.Hi)
	case Clip:
		return max(r.Lo, min(c, r.Hi))
	case IcePop:
		if c < r.Lo || c > r.Hi {
			return 0
		}
		return c
	}
	return 1
}

// rowLogRatio returns the row's log-ratio before clamping, for the levels that
// have one.
func (r *weightRule) rowLogRatio(s *kernel.RowSums) float64 {
	if r.Level == Mean {
		return s.D / float64(s.N)
	}
	return s.D
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

// apply writes the weights of a row, 0 where a token is not valid, and adds the
// row to dst, if that is not nil.
func (r *weightRule) apply(w []float64, dst *weightStats, d []float64, state []uint8, s *kernel.RowSums) {
	clear(w)
	if s.N == 0 {
		return
	}
	if r.Rule == Unweighted {
		for t := range w {
			if state[t] == kernel.Valid {
				w[t] = 1
			}
		}
		return
	}
	logRatio, ratio := 0.0, 0.0
	if r.Level != Token {
		logRatio = r.rowLogRatio(s)
		ratio = kernel.BoundedRatio(logRatio)
	}
	var sum, sumSq, ratioSum kernel.RowSum
	least, largest := math.Inf(1), math.Inf(-1)
	var high, low int64
	for t, x := range d {
		if state[t] != kernel.Valid {
			continue
		}
		if r.Level == Token {
			ratio = kernel.BoundedRatio(x)
		}
		y := r.weigh(ratio)
		w[t] = y
		if dst == nil {
			continue
		}
		sum.Add(t, y)
		sumSq.Add(t, float64(y*y))
		ratioSum.Add(t, ratio)
		least, largest = min(least, y), max(largest, y)
		if ratio > r.Hi {
			high++
		}
		if ratio < r.low {
			low++
		}
	}
	if dst == nil {
		return
	}
	n := float64(s.N)
	total := sum.Total()
	dst.applied.AddBlock(exact.Block{N: int64(s.N), Sum: total, SumSq: sumSq.Total(), Min: least, Max: largest})
	dst.high += high
	dst.low += low
	dst.rowMean.Add(total / n)
	mean := ratioSum.Total() / n
	if mean > r.Hi {
		dst.meanHigh++
	}
	if mean < r.low {
		dst.meanLow++
	}
	if r.Level != Token {
		if logRatio > r.logHi {
			dst.rowHigh++
		}
		if logRatio < r.logLo {
			dst.rowLow++
		}
	}
}

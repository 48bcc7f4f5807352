package correction

import (
	"math"

	"github.com/trueup-rl/trueup/internal/exact"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// filterRule is a Filter with its bounds on the scale of its statistic, which
// for a ratio is its logarithm.
type filterRule struct {
	Filter
	lo, hi float64
}

func newFilterRule(f Filter) filterRule {
	if f.Statistic == Ratio {
		return filterRule{f, kernel.Log(f.Lo), kernel.Log(f.Hi)}
	}
	return filterRule{f, 0, f.Hi}
}

func (r *filterRule) pass(x float64) bool { return r.lo <= x && x <= r.hi }

func (r *filterRule) clamp(x float64) float64 { return max(r.lo, min(x, r.hi)) }

// of returns the statistic of a token's log-ratio.
func (r *filterRule) of(d float64) float64 {
	d = max(-kernel.Clamp, min(d, kernel.Clamp))
	switch r.Statistic {
	case K2:
		return float64(d*d) / 2
	case K3:
		_, k3 := kernel.ExpK3(d)
		return k3
	}
	return d
}

// rowValue returns the statistic of a row that has valid tokens.
func (r *filterRule) rowValue(d []float64, state []uint8, s *kernel.RowSums) float64 {
	var sum kernel.RowSum
	largest := math.Inf(-1)
	for t, x := range d {
		if state[t] != kernel.Valid {
			continue
		}
		v := r.of(x)
		sum.Add(t, v)
		largest = max(largest, v)
	}
	switch r.Level {
	case Mean:
		return sum.Total() / float64(s.N)
	case Maximum:
		return largest
	}
	return sum.Total()
}

// filterStats accumulate a filter's statistic and what the filter rejects by
// itself, whatever the others do.
type filterStats struct {
	tokens                       exact.Moments // the statistic, a row's value counting once for each of its tokens
	clamped                      exact.Moments // the same, clamped to the bounds
	rows                         exact.Moments // a row's value, or its mean over the row's tokens
	high, low                    int64         // tokens (level Token) or rows outside of the bounds
	rowHigh, rowLow              int64         // rows whose value, or mean, is
	rejectedTokens, rejectedRows int64         // a row counts as soon as one token is
}

func (s *filterStats) merge(o *filterStats) {
	s.tokens.Merge(&o.tokens)
	s.clamped.Merge(&o.clamped)
	s.rows.Merge(&o.rows)
	s.high += o.high
	s.low += o.low
	s.rowHigh += o.rowHigh
	s.rowLow += o.rowLow
	s.rejectedTokens += o.rejectedTokens
	s.rejectedRows += o.rejectedRows
}

// apply clears keep where the filter rejects and adds the row to dst, if that is
// not nil. A row without valid tokens has nothing to reject.
func (r *filterRule) apply(keep []uint8, dst *filterStats, d []float64, state []uint8, s *kernel.RowSums) {
	switch {
	case s.N == 0:
	case r.Level == Token:
		r.applyTokens(keep, dst, d, state, s)
	default:
		x := r.rowValue(d, state, s)
		if !r.pass(x) {
			clear(keep)
		}
		if dst != nil {
			dst.addRow(r, x, s.N)
		}
	}
}

func (s *filterStats) addRow(r *filterRule, x float64, tokens int) {
	// The sum of a row's k3 can reach 1e15; its square would leave the range of
	// the sums.
	v := min(x, 1e12)
	n, c := float64(tokens), r.clamp(v)
	s.tokens.AddBlock(exact.Block{N: int64(tokens), Sum: float64(n * v), SumSq: float64(n * v * v), Min: v, Max: v})
	s.clamped.AddBlock(exact.Block{N: int64(tokens), Sum: float64(n * c), SumSq: float64(n * c * c), Min: c, Max: c})
	s.rows.Add(v)
	if x > r.hi {
		s.high++
		s.rowHigh++
	}
	if x < r.lo {
		s.low++
		s.rowLow++
	}
	if !r.pass(x) {
		s.rejectedRows++
		s.rejectedTokens += int64(tokens)
	}
}

func (r *filterRule) applyTokens(keep []uint8, dst *filterStats, d []float64, state []uint8, s *kernel.RowSums) {
	var sum, sumSq, clampedSum, clampedSumSq kernel.RowSum
	least, largest := math.Inf(1), math.Inf(-1)
	var high, low int64
	for t, x := range d {
		if state[t] != kernel.Valid {
			continue
		}
		v := r.of(x)
		if !r.pass(v) {
			keep[t] = 0
		}
		if dst == nil {
			continue
		}
		c := r.clamp(v)
		sum.Add(t, v)
		sumSq.Add(t, float64(v*v))
		clampedSum.Add(t, c)
		clampedSumSq.Add(t, float64(c*c))
		least, largest = min(least, v), max(largest, v)
		if v > r.hi {
			high++
		}
		if v < r.lo {
			low++
		}
	}
	if dst == nil {
		return
	}
	n := int64(s.N)
	total := sum.Total()
	dst.tokens.AddBlock(exact.Block{N: n, Sum: total, SumSq: sumSq.Total(), Min: least, Max: largest})
	dst.clamped.AddBlock(exact.Block{N: n, Sum: clampedSum.Total(), SumSq: clampedSumSq.Total(), Min: r.clamp(least), Max: r.clamp(largest)})
	mean := total / float64(n)
	dst.rows.Add(mean)
	if mean > r.hi {
		dst.rowHigh++
	}
	if mean < r.lo {
		dst.rowLow++
	}
	dst.high += high
	dst.low += low
	dst.rejectedTokens += high + low
	if high+low > 0 {
		dst.rejectedRows++
	}
}

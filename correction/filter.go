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
	acc    filterAcc
}

func newFilterRule(f Filter) filterRule {
	if f.Statistic == Ratio {
		return filterRule{Filter: f, lo: kernel.Log(f.Lo), hi: kernel.Log(f.Hi)}
	}
	return filterRule{Filter: f, hi: f.Hi}
}

func (r *filterRule) pass(x float64) bool { return r.lo <= x && x <= r.hi }

func (r *filterRule) clamp(x float64) float64 { return max(r.lo, min(x, r.hi)) }

// of returns the statistic of a token, with |d| clamped.
func (r *filterRule) of(b *kernel.Block, t int) float64 {
	d := max(-kernel.Clamp, min(b.D[t], kernel.Clamp))
	switch r.Statistic {
	case K2:
		return float64(d*d) / 2
	case K3:
		if b.Wild {
			_, k3 := kernel.ExpK3(d)
			return k3
		}
		return b.K3[t]
	}
	return d
}

// looksAtTokens reports whether the filter needs each token's statistic; for the
// others a row's sums suffice, unless clamping matters in it.
func (r *filterRule) looksAtTokens() bool { return r.Level == Token || r.Level == Maximum }

// total returns the sum of the statistic over a row.
func (r *filterRule) total(s *kernel.RowSums) float64 {
	switch {
	case s.Wild:
		return r.acc.sum.Total()
	case r.Statistic == K2:
		return s.D2 / 2
	case r.Statistic == K3:
		return s.K3
	}
	return s.D
}

// filterAcc accumulates a row's statistic over its valid tokens.
type filterAcc struct {
	sum, sumSq, clampedSum, clampedSumSq kernel.RowSum
	least, largest                       float64
	high, low                            int64
}

func (a *filterAcc) reset() {
	*a = filterAcc{least: math.Inf(1), largest: math.Inf(-1)}
}

// add adds the tokens of a block. At level Token it clears keep where the filter
// rejects.
func (r *filterRule) add(keep []uint8, b *kernel.Block) {
	a := &r.acc
	for t := range keep {
		if b.Valid[t] == 0 {
			continue
		}
		v := r.of(b, t)
		a.sum.Add(t, v)
		a.least, a.largest = min(a.least, v), max(a.largest, v)
		if r.Level != Token {
			continue
		}
		c := r.clamp(v)
		a.sumSq.Add(t, float64(v*v))
		a.clampedSum.Add(t, c)
		a.clampedSumSq.Add(t, float64(c*c))
		if v > r.hi {
			a.high++
			keep[t] = 0
		}
		if v < r.lo {
			a.low++
			keep[t] = 0
		}
	}
}

// rejectsRow ends a row: it adds the row to dst, if that is not nil, and reports
// whether the filter rejects all of it.
func (r *filterRule) rejectsRow(dst *filterStats, s *kernel.RowSums) bool {
	var x float64
	switch {
	case s.N == 0:
		return false
	case r.Level == Token:
		if dst != nil {
			dst.addTokens(r, s.N)
		}
		return false
	case r.Level == Sequence:
		x = r.total(s)
	case r.Level == Mean:
		x = r.total(s) / float64(s.N)
	default:
		x = r.acc.largest
	}
	if dst != nil {
		dst.addRow(r, x, s.N)
	}
	return !r.pass(x)
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

// addTokens adds a row at level Token.
func (s *filterStats) addTokens(r *filterRule, tokens int) {
	a := &r.acc
	n, total := int64(tokens), a.sum.Total()
	s.tokens.AddBlock(exact.Block{N: n, Sum: total, SumSq: a.sumSq.Total(), Min: a.least, Max: a.largest})
	s.clamped.AddBlock(exact.Block{N: n, Sum: a.clampedSum.Total(), SumSq: a.clampedSumSq.Total(), Min: r.clamp(a.least), Max: r.clamp(a.largest)})
	mean := total / float64(n)
	s.rows.Add(mean)
	if mean > r.hi {
		s.rowHigh++
	}
	if mean < r.lo {
		s.rowLow++
	}
	s.high += a.high
	s.low += a.low
	s.rejectedTokens += a.high + a.low
	if a.high+a.low > 0 {
		s.rejectedRows++
	}
}

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
	sums   kernel.FilterSums // of the row at hand
}

func newFilterRule(f Filter) filterRule {
	if f.Statistic == Ratio {
		return filterRule{Filter: f, lo: kernel.Log(f.Lo), hi: kernel.Log(f.Hi)}
	}
	r := filterRule{Filter: f, lo: f.Lo, hi: f.Hi}
	if f.Statistic == OffPolicy {
		r.lo = math.Inf(-1)
	}
	return r
}

func (r *filterRule) pass(x float64) bool { return r.lo <= x && x <= r.hi }

func (r *filterRule) clamp(x float64) float64 { return max(r.lo, min(x, r.hi)) }

// ofTokens reports whether the filter compares single tokens.
func (r *filterRule) ofTokens() bool {
	return r.Level == Token || r.Level == Maximum || r.Level == Any
}

// add adds the tokens of a block, if the filter needs them; x is their
// statistic. At level Token it clears keep where the filter rejects.
func (r *filterRule) add(keep []uint8, b *kernel.Block, x *[kernel.BlockLen]float32) {
	if !r.ofTokens() && !r.derived() || r.Level == Turn {
		return
	}
	if r.Level != Token {
		keep = nil
	}
	r.sums.Add(keep, x, b, &kernel.Range{Lo: float32(r.lo), Hi: float32(r.hi), Square: r.Statistic == K2})
}

// total returns the sum of the statistic over a row.
func (r *filterRule) total(s *kernel.RowSums) float64 {
	switch r.Statistic {
	case Ratio:
		return s.Bounded.D
	case K2:
		return s.Bounded.D2 / 2
	case K3:
		return s.Bounded.K3
	}
	return r.sums.Sum
}

// rejectsRow ends a row of that advantage: it adds the row to dst, if that is not
// nil, and reports whether the filter rejects all of it.
func (r *filterRule) rejectsRow(dst *filterStats, s *kernel.RowSums, advantage float32) bool {
	if s.N == 0 {
		return false
	}
	var x float64
	switch r.Level {
	case Token:
		if dst != nil {
			dst.addTokens(r)
		}
		return false
	case Any:
		if dst != nil {
			dst.addAny(r)
		}
		return r.sums.High+r.sums.Low > 0
	case Turn: // dropped already
		return false
	case Sequence:
		x = r.total(s)
	case Mean:
		x = r.total(s) / float64(s.N)
	case Maximum:
		x = r.sums.Max
	}
	rejected := !r.pass(x) && (r.Statistic != OffPolicy || advantage < 0)
	if dst != nil {
		dst.addRow(r, x, s.N, rejected)
	}
	return rejected
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

func (s *filterStats) addRow(r *filterRule, x float64, tokens int, rejected bool) {
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
	if rejected {
		s.rejectedRows++
		s.rejectedTokens += int64(tokens)
	}
}

// addTokens adds a row at level Token.
func (s *filterStats) addTokens(r *filterRule) {
	s.addMoments(r)
	a := &r.sums
	rejected := int64(a.High + a.Low)
	s.high += int64(a.High)
	s.low += int64(a.Low)
	s.rejectedTokens += rejected
	if rejected > 0 {
		s.rejectedRows++
	}
}

// addAny adds a row at level Any. A row can be both high and low.
func (s *filterStats) addAny(r *filterRule) {
	s.addMoments(r)
	a := &r.sums
	if a.High > 0 {
		s.high++
	}
	if a.Low > 0 {
		s.low++
	}
	if a.High+a.Low > 0 {
		s.rejectedRows++
		s.rejectedTokens += int64(a.N)
	}
}

// addMoments adds the statistic of a row's tokens.
func (s *filterStats) addMoments(r *filterRule) {
	a := &r.sums
	n := int64(a.N)
	s.tokens.AddBlock(exact.Block{N: n, Sum: a.Sum, SumSq: a.SumSq, Min: a.Min, Max: a.Max})
	s.clamped.AddBlock(exact.Block{N: n, Sum: a.Clamped, SumSq: a.ClampedSq, Min: r.clamp(a.Min), Max: r.clamp(a.Max)})
	s.addRowMean(r, a.Sum/float64(n))
}

// addRowMean adds a row by the mean of its tokens' statistic.
func (s *filterStats) addRowMean(r *filterRule, mean float64) {
	s.rows.Add(mean)
	if mean > r.hi {
		s.rowHigh++
	}
	if mean < r.lo {
		s.rowLow++
	}
}

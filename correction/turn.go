package correction

import (
	"github.com/trueup-rl/trueup/internal/exact"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// turns holds what level Turn needs of the row at hand, made before its blocks
// are looked at. A turn is a maximal run of tokens in the mask; tokens that are
// not finite do not end it, and do not count.
type turns struct {
	column column
	mask   []uint8
	keep   []uint8   // 0 in turns that a filter drops
	ratio  []float32 // of a token's turn, 0 where it is not valid
	block  kernel.Block
}

// start makes room for a row.
func (r *turns) start(c column, mask []uint8) {
	r.column, r.mask = c, mask
	n := len(c.trainer)
	if cap(r.keep) < n {
		r.keep, r.ratio = make([]uint8, n), make([]float32, n)
	}
	r.keep, r.ratio = r.keep[:n], r.ratio[:n]
	clear(r.ratio)
	for t := range r.keep {
		r.keep[t] = 1
	}
}

func (r *turns) inMask(t int) bool { return r.mask == nil || r.mask[t] != 0 }

// valid reports whether token t counts.
func (r *turns) valid(t int) bool {
	return r.inMask(t) && isFinite(r.column.trainer[t], r.column.rollout[t])
}

// logRatio returns d of token t, bounded by c.
func (r *turns) logRatio(t int, c float32) float32 {
	return max(-c, min(r.column.trainer[t]-r.column.rollout[t], c))
}

// next returns the first turn from token t on: where it starts and ends and how
// many valid tokens it has. A row ends with an empty one.
func (r *turns) next(t int) (from, to, n int) {
	for t < len(r.keep) && !r.inMask(t) {
		t++
	}
	from = t
	for t < len(r.keep) && r.inMask(t) {
		if r.valid(t) {
			n++
		}
		t++
	}
	return from, t, n
}

// filter drops the turns whose mean of the filter's statistic is out of bounds,
// and adds them to dst, if that is not nil.
func (r *turns) filter(f *filterRule, dst *filterStats) {
	var a turnSums
	for from, to, n := r.next(0); from < to; from, to, n = r.next(to) {
		if n == 0 {
			continue
		}
		sum := 0.0
		for t := from; t < to; t++ {
			if r.valid(t) {
				sum += f.ofTurnToken(r.logRatio(t, kernel.Clamp), &r.column, t)
			}
		}
		x := sum / float64(n)
		if !f.pass(x) {
			clear(r.keep[from:to])
		}
		a.add(f, x, n)
	}
	if dst != nil {
		dst.addTurns(f, &a)
	}
}

// ofTurnToken returns the statistic of one token.
func (r *filterRule) ofTurnToken(d float32, c *column, t int) float64 {
	switch r.Statistic {
	case Ratio:
		return float64(d)
	case K2:
		return float64(float64(d)*float64(d)) / 2
	case K3:
		_, k3 := kernel.ExpK3Float32(d)
		return float64(k3)
	}
	return float64(r.ofToken(c, t))
}

// weigh gives every token the ratio of its turn, e to the mean of d, and returns
// the sum over tokens.
func (r *turns) weigh() (total float64) {
	for from, to, n := r.next(0); from < to; from, to, n = r.next(to) {
		sum := 0.0
		for t := from; t < to; t++ {
			if r.valid(t) {
				sum += float64(r.logRatio(t, kernel.MaxLogRatio))
			}
		}
		ratio := kernel.BoundedRatio(sum / float64(max(n, 1)))
		total += float64(ratio * float64(n))
		for t := from; t < to; t++ {
			if r.valid(t) {
				r.ratio[t] = float32(ratio)
			}
		}
	}
	return total
}

// blockAt returns b, the first of whose tokens is token at, with the ratios of
// turns in place of tokens'.
func (r *turns) blockAt(b *kernel.Block, at int) *kernel.Block {
	r.block = *b
	copy(r.block.W[:b.N], r.ratio[at:])
	return &r.block
}

// drop takes out of keep, which begins at token at, what filters dropped.
func (r *turns) drop(keep []uint8, at int) {
	for t := range keep {
		keep[t] &= r.keep[at+t]
	}
}

// turnSums are a filter's sums over the turns of a row.
type turnSums struct {
	values, clamped exact.Block // a turn's value counting once for each of its tokens
	high, low       int64       // turns
	rejected        int64       // tokens
}

func (a *turnSums) add(f *filterRule, x float64, tokens int) {
	v := min(x, 1e12)
	addTo(&a.values, v, tokens)
	addTo(&a.clamped, f.clamp(v), tokens)
	if x > f.hi {
		a.high++
	}
	if x < f.lo {
		a.low++
	}
	if !f.pass(x) {
		a.rejected += int64(tokens)
	}
}

// addTo adds n observations of x.
func addTo(b *exact.Block, x float64, n int) {
	if b.N == 0 {
		b.Min, b.Max = x, x
	}
	b.N += int64(n)
	b.Sum += float64(x * float64(n))
	b.SumSq += float64(x * x * float64(n))
	b.Min, b.Max = min(b.Min, x), max(b.Max, x)
}

// addTurns adds a row at level Turn.
func (s *filterStats) addTurns(r *filterRule, a *turnSums) {
	if a.values.N == 0 {
		return
	}
	s.tokens.AddBlock(a.values)
	s.clamped.AddBlock(a.clamped)
	s.addRowMean(r, a.values.Sum/float64(a.values.N))
	s.high += a.high
	s.low += a.low
	s.rejectedTokens += a.rejected
	if a.rejected > 0 {
		s.rejectedRows++
	}
}

package main

import "github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"

// weigh: y = min(max(c, lo), hi), or with zero c inside the bounds and 0
// outside; the sums of y - 1 and (y - 1)², the extremes of y, and how many c lie
// out of bounds. A c of 0 is no token.
func weigh(p *neon.Printer, zero bool) {
	name, doc := "clipNEON", "clamps to the bounds"
	if zero {
		name, doc = "popNEON", "zeroes out of bounds"
	}
	p.Text(name, "lanes *float32, y *float32, c *float32, lo float32, hi float32, low float32, groups int", "",
		"is weightLanes.addGeneric for groups of 16 tokens, at least one; it "+doc+". No c is -0. lanes points at weightLanes.")
	s := newSweeper(p)
	y, c := s.pointer("y", 4), s.pointer("c", 4)
	const placeExcess, placeExcessSq, placeLeast, placeMost, placeHigh, placeLow = 0, 1, 2, 3, 4, 5
	w := newWeights(s, placeExcess, placeExcessSq, placeLeast, placeMost, 2)
	high, under := s.sum(placeHigh, 2), s.sum(placeLow, 2)
	lo, hi, low := p.ParamS4("lo"), p.ParamS4("hi"), p.ParamS4("low")
	x, v, token := p.V(), p.V(), p.V()
	s.sweep(func(q, at int) {
		insteadOfLo, insteadOfHi := lo, hi
		if zero {
			insteadOfLo, insteadOfHi = s.zero, s.zero
		}
		s.load(x, c, at)
		p.AnySet(token, x, x, neon.Words)
		p.And(w.among, token, s.sign)
		p.Move(v, x)
		p.Comment("c > hi, c < lo, c < low")
		p.Move(s.delta, hi)
		s.less(x, w.among)
		s.countDelta(high.of[q])
		p.Insert(v, insteadOfHi, s.delta)
		p.Move(s.delta, x)
		s.less(lo, w.among)
		p.Insert(v, insteadOfLo, s.delta)
		p.Move(s.delta, x)
		s.less(low, w.among)
		s.countDelta(under.of[q])

		s.store(y, at, v)
		w.add(s, q, v, token)
	})
}

// kept: y = 0 where keep is not set; the sums of y - 1 and (y - 1)² and the
// extremes of y elsewhere.
func kept(p *neon.Printer) {
	p.Text("keptNEON", "lanes *float32, y *float32, keep *uint8, groups int", "",
		"is weightLanes.addKeptGeneric for groups of 16 tokens, at least one. lanes points at weightLanes.")
	s := newSweeper(p)
	y, keep := s.pointer("y", 4), s.pointer("keep", 1)
	const placeExcess, placeExcessSq, placeLeast, placeMost = 0, 1, 2, 3
	w := newWeights(s, placeExcess, placeExcessSq, placeLeast, placeMost, 4)
	m := masks{p.V(), p.V()}
	v := p.V()
	s.sweep(func(q, at int) {
		token := m.load(s, keep, q, at, true)
		s.load(v, y, at)
		p.And(v, v, token)
		s.store(y, at, v)
		p.And(w.among, token, s.sign)
		w.add(s, q, v, token)
	})
}

// weights are the sums of y - 1 and (y - 1)², and the extremes of y.
type weights struct {
	excess, excessSq, least, most sum
	among                         neon.V // sign bits at tokens
}

func newWeights(s *sweeper, excess, excessSq, least, most, quads int) weights {
	return weights{s.sum(excess, quads), s.sum(excessSq, quads), s.sum(least, quads), s.sum(most, quads), s.V()}
}

// add adds y, and destroys it.
func (w weights) add(s *sweeper, q int, y, token neon.V) {
	s.widen(w.least.of[q], w.most.of[q], y, w.among)
	s.Comment("y - 1")
	s.SubFloat(y, s.one, s.one)
	s.And(y, y, token)
	s.add(w.excess.of[q], y)
	s.addSquare(w.excessSq.of[q], y)
}

// fill: w = x where w is not 0.
func fill(p *neon.Printer) {
	p.Text("fillNEON", "w *float32, x float32, groups int", "",
		"is FillWeights for groups of 16 weights, at least one.")
	from, groups, x := p.Param("w"), p.Param("groups"), p.ParamS4("x")
	to := p.R()
	p.MoveR(to, from)
	magnitude, set := p.Const(1<<31-1), p.V()
	w := p.Vs(4)
	p.Loop(groups, func() {
		p.Load(from, w...)
		for _, w := range w {
			p.AnySet(set, w, magnitude, neon.Words)
			p.Insert(w, x, set)
		}
		p.Store(to, w...)
	})
	p.Return()
}

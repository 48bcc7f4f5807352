package main

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"
)

// filter: v = x or x²/2, c = min(max(v, lo), hi), the sums of v, v², c and c²,
// the extremes of v, and how many v lie out of bounds.
func filter(p *neon.Printer, square bool) {
	name, doc := "filterNEON", "v is x"
	if square {
		name, doc = "filterSquareNEON", "v is x²/2"
	}
	p.Text(name, "lanes *float32, x *float32, invalid *uint8, lo float32, hi float32, groups int", "",
		"is filterLanes.addGeneric for groups of 16 tokens, at least one; "+doc+". lanes points at filterLanes.")
	s := newSweeper(p)
	x, invalid := s.pointer("x", 4), s.pointer("invalid", 1)
	const placeSum, placeSumSq, placeClamped, placeClampedSq, placeLeast, placeMost, placeHigh, placeLow = 0, 1, 2, 3, 4, 5, 6, 7
	total, totalSq := s.sum(placeSum, 2), s.sum(placeSumSq, 2)
	clamped, clampedSq := s.sum(placeClamped, 2), s.sum(placeClampedSq, 2)
	least, most := s.sum(placeLeast, 2), s.sum(placeMost, 2)
	high, low := s.sum(placeHigh, 2), s.sum(placeLow, 2)
	lo, hi := p.ParamS4("lo"), p.ParamS4("hi")
	m := masks{p.V(), p.V()}
	v, c, valid := p.V(), p.V(), p.V()
	half := neon.V(0)
	if square {
		half = p.Const(math.Float32bits(0.5))
	}
	s.sweep(func(q, at int) {
		not := m.load(s, invalid, q, at, false)
		s.load(v, x, at)
		if square {
			p.Mul(c, v, v, s.sign)
			p.Mul(v, c, half, s.sign)
		}
		p.Move(valid, s.sign)
		p.Insert(valid, s.zero, not)
		s.add(total.of[q], v) // x is 0 where not valid
		s.addSquare(totalSq.of[q], v)

		p.Comment("v > hi, v < lo, c = v clamped, which leaves 0 where not valid")
		p.Move(c, v)
		s.lessThan(hi, v, valid)
		s.countDelta(high.of[q])
		p.Insert(c, hi, s.delta)
		s.lessThan(v, lo, valid)
		s.countDelta(low.of[q])
		p.Insert(c, lo, s.delta)
		s.add(clamped.of[q], c)
		s.addSquare(clampedSq.of[q], c)
		s.widen(least.of[q], most.of[q], v, valid)
	})
}

package main

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"
)

// spread: sums of |d|, d⁴ and k3², and counts of d beyond ±ln 2, by the signs of
// ln 2 - d and d + ln 2.
func spread(p *neon.Printer) {
	p.Text("spreadNEON", "lanes *float32, d *float32, k3 *float32, groups int", "",
		"is spreadLanes.addGeneric for groups of 16 tokens, at least one. lanes points at spreadLanes.")
	s := newSweeper(p)
	d, k3 := s.pointer("d", 4), s.pointer("k3", 4)
	const placeAbs, placeD4, placeK3Sq, placeOver2, placeUnderHalf = 0, 1, 2, 3, 4
	sumAbs, sumD4, sumK3Sq := s.sum(placeAbs, 4), s.sum(placeD4, 4), s.sum(placeK3Sq, 4)
	over2, underHalf := s.sum(placeOver2, 4), s.sum(placeUnderHalf, 4)
	ln2 := p.Const(math.Float32bits(0x1.62e43p-1))
	x, y, a := p.V(), p.V(), s.delta
	s.sweep(func(q, at int) {
		s.load(x, d, at)
		s.load(y, k3, at)
		p.Move(a, ln2)
		p.SubFloat(a, x, s.one)
		p.AddShiftR(over2.of[q], a, 31, neon.Words)
		p.Move(a, ln2)
		p.AddFloat(a, x, s.one)
		p.AddShiftR(underHalf.of[q], a, 31, neon.Words)
		p.Comment("|d|, d*d, k3")
		p.Mul(a, x, x, s.sign)
		s.addSquare(sumD4.of[q], a)
		s.addSquare(sumK3Sq.of[q], y)
		p.Insert(x, s.zero, s.sign)
		s.add(sumAbs.of[q], x)
	})
}

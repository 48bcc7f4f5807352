package main

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"
)

const (
	group = 16 // tokens, and lanes of a sum
	quads = group / 4
)

// sweeper walks over groups of tokens in quads, and adds to the lanes of sums,
// which are in registers meanwhile. Where there are too many for that it walks
// once for each part of a group.
type sweeper struct {
	*neon.Printer
	lanes, groups, count neon.R
	moving               []pointer
	sums                 []sum
	one, zero, sign      neon.V // sign is -0 too
	delta                neon.V
}

// pointer is a parameter that moves on with the groups.
type pointer struct {
	param, at neon.R
	size      int // bytes that belong to a token
}

// sum is one of those that the parameter lanes points at.
type sum struct {
	place int
	of    []neon.V // by quad
}

func newSweeper(p *neon.Printer) *sweeper {
	return &sweeper{
		Printer: p, lanes: p.Param("lanes"), groups: p.Param("groups"), count: p.R(),
		one: p.Const(math.Float32bits(1)), zero: p.Zero(), sign: p.Const(1 << 31), delta: p.V(),
	}
}

// pointer returns a parameter that moves.
func (s *sweeper) pointer(name string, size int) pointer {
	a := pointer{s.Param(name), s.R(), size}
	s.moving = append(s.moving, a)
	return a
}

// sum returns the sum at a place, for parts of so many quads.
func (s *sweeper) sum(place, quads int) sum {
	a := sum{place, s.Vs(quads)}
	s.sums = append(s.sums, a)
	return a
}

// sweep prints a loop over the groups for each part of a group, and the return.
// body is for one quad, the q-th of its part, at so many tokens from the group's
// first.
func (s *sweeper) sweep(body func(q, at int)) {
	parts := len(s.sums[0].of)
	each := func(f func(lanes neon.R, offset int, v neon.V), first int) {
		for _, sum := range s.sums {
			for q, v := range sum.of {
				f(s.lanes, 4*(group*sum.place+4*(first+q)), v)
			}
		}
	}
	for first := 0; first < quads; first += parts {
		for _, a := range s.moving {
			s.MoveR(a.at, a.param)
		}
		s.MoveR(s.count, s.groups)
		each(s.LoadAt, first)
		s.Loop(s.count, func() {
			for q := range parts {
				body(q, 4*(first+q))
			}
			for _, a := range s.moving {
				s.AddInt(a.at, group*a.size)
			}
		})
		each(s.StoreAt, first)
	}
	s.Return()
}

// load sets v to the quad at token at.
func (s *sweeper) load(v neon.V, from pointer, at int) { s.LoadAt(from.at, from.size*at, v) }

// store stores the quad at token at.
func (s *sweeper) store(to pointer, at int, v neon.V) { s.StoreAt(to.at, to.size*at, v) }

// masks are words for two quads.
type masks [2]neon.V

// load returns the mask of the q-th quad: words of ones where bytes are ones, or
// with any where they are not 0. It loads two at a time, and destroys delta.
func (m masks) load(s *sweeper, from pointer, q, at int, any bool) neon.V {
	if q%2 == 0 {
		s.LoadHalfAt(from.at, from.size*at, s.delta)
		if any {
			s.AnySet(s.delta, s.delta, s.delta, neon.Bytes)
		}
		s.Spread(m[0], m[1], s.delta)
	}
	return m[q%2]
}

// add adds x to a sum: sum += x.
func (s *sweeper) add(sum, x neon.V) { s.AddFloat(sum, x, s.one) }

// addSquare adds x², rounded once.
func (s *sweeper) addSquare(sum, x neon.V) { s.AddProduct(sum, x, x) }

// less sets delta to ones where delta < b and the sign of among is set, else to
// zeros. delta is not -0, and neither is NaN.
func (s *sweeper) less(b, among neon.V) {
	s.SubFloat(s.delta, b, s.one)
	s.AnySet(s.delta, s.delta, among, neon.Words)
}

// lessThan is less for an a of any sign, which stays.
func (s *sweeper) lessThan(a, b, among neon.V) {
	s.Move(s.delta, s.zero)
	s.AddFloat(s.delta, a, s.one)
	s.less(b, among)
}

// countDelta adds 1 to the counters where delta is ones.
func (s *sweeper) countDelta(counters neon.V) { s.Sub(counters, counters, s.delta) }

// widen takes x into the extremes where the sign of among is set. Of equals, zeros
// of either sign too, the first stays: the differences are +0 for them, since
// 0 + x and 0 - x are not -0.
func (s *sweeper) widen(least, most, x, among neon.V) {
	s.lessThan(x, least, among)
	s.Insert(least, x, s.delta)
	s.Move(s.delta, s.zero)
	s.SubFloat(s.delta, x, s.one)
	s.AddFloat(s.delta, most, s.one)
	s.AnySet(s.delta, s.delta, among, neon.Words)
	s.Insert(most, x, s.delta)
}

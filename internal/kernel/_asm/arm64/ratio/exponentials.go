package main

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"
)

// exponentials: w = e^d and k3 = e^d - 1 - d in the steps of ExpK3Float32, and
// the sums of k3 and of (k3 + d)².
func exponentials(p *neon.Printer) {
	p.Text("exponentialsNEON", "lanes *float32, d *float32, w *float32, k3 *float32, invalid *uint8, groups int", "",
		"is Block.exponentialsGeneric for groups of 16 tokens, at least one. lanes points at ratioLanes.")
	s := newSweeper(p)
	d, w, k3, invalid := s.pointer("d", 4), s.pointer("w", 4), s.pointer("k3", 4), s.pointer("invalid", 1)
	sumSq, sumK3 := s.sum(sumE2, 2), s.sum(sumK3, 2)
	m := masks{p.V(), p.V()}
	e := newExp(p)
	x, weight, k := p.V(), p.V(), p.V()
	s.sweep(func(q, at int) {
		not := m.load(s, invalid, q, at, false)
		s.load(x, d, at)
		e.expK3(s, weight, k, x)
		s.store(k3, at, k) // 0 for a d of 0
		p.Insert(weight, s.zero, not)
		s.store(w, at, weight)
		p.Comment("The sums of k3 and (k3 + d)²")
		s.add(sumK3.of[q], k)
		s.add(k, x)
		s.addSquare(sumSq.of[q], k)
	})
}

// exp holds what expK3 takes. The names are those of ExpK3Float32.
type exp struct {
	shift, steps, hi, lo neon.V
	half, c3, c4, c5     neon.V
	base, tau            neon.V // tables of four words
	lowest, three, first neon.V // that make byte indices of k mod 4
	index, r, b          neon.V
}

func newExp(p *neon.Printer) exp {
	f := func(x float32) neon.V { return p.Const(math.Float32bits(x)) }
	bits := math.Float32bits
	return exp{
		shift: f(0x1.8p23), steps: f(0x1.715476p+2), hi: f(0x1.62e8p-3), lo: f(-0x1.e8082ep-18),
		half: f(0.5), c3: f(0x1.555556p-3), c4: f(0x1.556772p-5), c5: f(0x1.111338p-7),
		base:   p.Table(0x3f800000, 0x3f9837f0-1<<21, 0x3fb504f3-2<<21, 0x3fd744fd-3<<21),
		tau:    p.Table(0, bits(0x1.125002p-25), bits(0x1.26055cp-26), bits(-0x1.f9c306p-27)),
		lowest: p.Table(0x0000_0000, 0x0404_0404, 0x0808_0808, 0x0C0C_0C0C),
		three:  p.Const(0x0303_0303), first: p.Const(0x0302_0100),
		index: p.V(), r: p.V(), b: p.V(),
	}
}

// expK3 sets w = e^d and k3 = e^d - 1 - d.
func (e exp) expK3(s *sweeper, w, k3, d neon.V) {
	k, n := w, k3
	s.Comment("k = d*steps + shift, n = k - shift")
	s.Move(k, e.shift)
	s.AddProduct(k, d, e.steps)
	s.Move(n, k)
	s.SubFloat(n, e.shift, s.one)
	s.Comment("Bytes 4i to 4i+3, i = k mod 4")
	s.Lookup(e.index, e.lowest, k)
	s.And(e.index, e.index, e.three)
	s.ShiftL(e.index, e.index, 2, neon.Bytes)
	s.Or(e.index, e.index, e.first)
	s.Comment("r = (d - n*hi) + (tau - n*lo)")
	tau := s.delta
	s.Move(e.r, d)
	s.SubProduct(e.r, n, e.hi)
	s.Lookup(tau, e.index, e.tau)
	s.SubProduct(tau, n, e.lo)
	s.AddFloat(e.r, tau, s.one)
	s.Comment("b = base + k<<21")
	s.Lookup(e.b, e.index, e.base)
	s.ShiftL(k, k, 21, neon.Words)
	s.Add(e.b, e.b, k)
	s.Comment("u = ((½ + r*c3) + r²*(c4 + r*c5))*r²")
	square, high, q, u := e.index, s.delta, k3, w
	s.Mul(square, e.r, e.r, s.sign)
	s.Move(high, e.c4)
	s.AddProduct(high, e.c5, e.r)
	s.Move(q, e.half)
	s.AddProduct(q, e.c3, e.r)
	s.AddProduct(q, square, high)
	s.Mul(u, q, square, s.sign)
	s.Comment("k3 = b*u + (b*r + ((b - 1) - d)), w = b*(u + r) + b")
	s.Move(k3, e.b)
	s.SubFloat(k3, s.one, s.one)
	s.SubFloat(k3, d, s.one)
	s.AddProduct(k3, e.b, e.r)
	s.AddProduct(k3, e.b, u)
	s.AddFloat(e.r, u, s.one)
	s.Move(w, e.b)
	s.AddProduct(w, e.b, e.r)
}

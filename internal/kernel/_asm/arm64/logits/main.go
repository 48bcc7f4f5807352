// Command logits generates the largest logit and the sums over a block of logits.
package main

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"
)

func main() {
	neon.Generate(func(p *neon.Printer) {
		p.Text("maxLogitNEON", "keys *uint32, x *float32, groups int", "",
			"sets four keys, of which the largest is that of the largest of groups of 16, one or more.")
		largest(p, p.Max, neon.Words, 0x8000_0000)

		p.Text("maxLogitBF16NEON", "keys *uint16, x *uint16, groups int", "",
			"sets eight keys, of which the largest is that of the largest of groups of 32, one or more.")
		largest(p, p.MaxHalves, neon.Halves, 0x8000_8000)

		addBlock(p)
	})
}

// largest emits the maximum over groups of 64 bytes of keys that order as the
// values do: the bits with the sign flipped, all of them if it is set.
func largest(p *neon.Printer, maximum func(d, a, b neon.V), in string, signs uint32) {
	keys, from, groups := p.Param("keys"), p.Param("x"), p.Param("groups")
	sign := p.Const(signs)
	x, m := p.Vs(4), p.Vs(4)
	flip := p.V()
	for _, m := range m {
		p.Xor(m, m, m)
	}
	p.Loop(groups, func() {
		p.Load(from, x...)
		for i, x := range x {
			p.AnySet(flip, x, sign, in)
			p.Or(flip, flip, sign)
			p.Xor(x, x, flip)
			maximum(m[i], m[i], x)
		}
	})
	maximum(m[0], m[0], m[1])
	maximum(m[2], m[2], m[3])
	maximum(m[0], m[0], m[2])
	p.Store(keys, m[0])
	p.Return()
}

// Sizes, as in package kernel.
const (
	lanes = 32
	rows  = 16 // of a block
)

// addBlock emits, for each lane of a block, the sum of its terms, what Kahan's
// correction has left, the sum of the terms times d, and the largest d as an
// unsigned integer, which is above the bits of -Inf for a NaN with a sign.
func addBlock(p *neon.Printer) {
	p.Text("addLogitBlockNEON", "sums *logitBlockSums, x *float32, offset float32, scale float32, steps float32, floor float32", "",
		"agrees with addLogitBlock on the sums that it adds to the lanes.")
	sums, x := p.Param("sums"), p.Param("x")
	t := newTerms(p)
	sum, excess, weighted, largest := p.V(), p.V(), p.V(), p.V()
	d0, e0, d1, e1 := p.V(), p.V(), p.V(), p.V()
	next, diff := t.k, t.n

	quads, stride := p.Int(lanes/4), p.Int(4*lanes)
	pairs, row := p.R(), p.R()
	p.Loop(quads, func() {
		for _, v := range []neon.V{sum, excess, weighted, largest} {
			p.Xor(v, v, v)
		}
		p.MoveR(row, x)
		p.SetInt(pairs, rows/2)
		p.Loop(pairs, func() {
			t.term(d0, e0, row, stride, largest)
			t.term(d1, e1, row, stride, largest)
			p.Comment("weighted += d0*e0, then d1*e1")
			p.AddProduct(weighted, d0, e0)
			p.AddProduct(weighted, d1, e1)
			p.Comment("y = (e0 + e1) - excess, next = sum + y, excess = (next - sum) - y")
			y := e0
			p.AddFloat(y, e1, t.one)
			p.SubFloat(y, excess, t.one)
			p.Move(next, sum)
			p.AddFloat(next, y, t.one)
			p.Move(diff, next)
			p.SubFloat(diff, sum, t.one)
			p.SubFloat(diff, y, t.one)
			p.Move(excess, diff)
			p.Move(sum, next)
		})
		p.AddInt(x, 16)
		for i, v := range []neon.V{sum, excess, weighted, largest} {
			p.StoreAt(sums, 4*lanes*i, v)
		}
		p.AddInt(sums, 16)
	})
	p.Return()
}

// terms holds what a term takes. The names are those of expScaled.
type terms struct {
	*neon.Printer
	offset, scale, steps, floor neon.V
	one, zero, shift            neon.V
	lnHi, lnLo, c2, c3, c4      neon.V
	base, tau                   neon.V // tables of four words
	lowest, three, first        neon.V // that make byte indices of k mod 4
	k, n, r, index, q           neon.V
}

func newTerms(p *neon.Printer) terms {
	f := func(x float32) neon.V { return p.Const(math.Float32bits(x)) }
	bits := math.Float32bits
	return terms{
		Printer: p,
		offset:  p.ParamS4("offset"), scale: p.ParamS4("scale"), steps: p.ParamS4("steps"), floor: p.ParamS4("floor"),
		one: f(1), zero: p.Zero(), shift: f(0x1.8p23),
		lnHi: f(0x1.62e8p-3), lnLo: f(-0x1.e8082ep-18),
		c2: f(0x1.000006p-1), c3: f(0x1.5571dap-3), c4: f(0x1.552112p-5),
		base:   p.Table(0x3f800000, 0x3f9837f0-1<<21, 0x3fb504f3-2<<21, 0x3fd744fd-3<<21),
		tau:    p.Table(0, bits(0x1.125002p-25), bits(0x1.26055cp-26), bits(-0x1.f9c306p-27)),
		lowest: p.Table(0x0000_0000, 0x0404_0404, 0x0808_0808, 0x0C0C_0C0C),
		three:  p.Const(0x0303_0303), first: p.Const(0x0302_0100),
		k: p.V(), n: p.V(), r: p.V(), index: p.V(), q: p.V(),
	}
}

// term sets d and e to those of the next row of four lanes. largest is raised to
// d before it is clamped.
func (t terms) term(d, e neon.V, row, stride neon.R, largest neon.V) {
	t.LoadStride(row, stride, t.k)
	t.Comment("d = max(x + offset, floor): of d <= 0 the smaller bits, and a NaN without sign")
	t.Move(d, t.offset)
	t.AddFloat(d, t.k, t.one)
	t.Max(largest, largest, d)
	t.Min(d, d, t.floor)
	t.Comment("n = k - shift, k = d*steps + shift")
	t.Move(t.k, t.shift)
	t.AddProduct(t.k, d, t.steps)
	t.Move(t.n, t.k)
	t.SubFloat(t.n, t.shift, t.one)
	t.Comment("Bytes 4i to 4i+3, i = k mod 4")
	t.Lookup(t.index, t.lowest, t.k)
	t.And(t.index, t.index, t.three)
	t.ShiftL(t.index, t.index, 2, neon.Bytes)
	t.Or(t.index, t.index, t.first)
	t.Comment("r = (d*scale - n*lnHi) + (tau - n*lnLo)")
	t.Move(t.r, t.zero)
	t.SubProduct(t.r, t.n, t.lnHi)
	t.AddProduct(t.r, d, t.scale)
	t.Lookup(t.q, t.index, t.tau)
	t.SubProduct(t.q, t.n, t.lnLo)
	t.AddFloat(t.r, t.q, t.one)
	t.Comment("v = r + (r*(c2 + r*(c3 + r*c4)))*r")
	t.Move(t.q, t.c3)
	t.AddProduct(t.q, t.c4, t.r)
	t.Move(t.n, t.c2)
	t.AddProduct(t.n, t.q, t.r)
	t.Mul(t.q, t.n, t.r, t.zero)
	v := t.n
	t.Move(v, t.r)
	t.AddProduct(v, t.q, t.r)
	t.Comment("b = base + k<<21, e = b + b*v")
	t.Lookup(e, t.index, t.base)
	t.ShiftL(t.k, t.k, 21, neon.Words)
	t.Add(e, e, t.k)
	t.AddProduct(e, e, v)
}

// Command divergence generates the sums over a block of pairs of logits.
package main

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"
)

// Sizes, as in package kernel.
const (
	lanes = 32
	rows  = 16 // of a block
	terms = 7
)

func main() {
	neon.Generate(func(p *neon.Printer) {
		p.Text("pairSumsNEON", "sums *float32, largest *uint32, x *float32, y *float32, invTemp float32, minusLogP float32, minusShift float32, lowest float32", "",
			"sets sums to those that addNearGeneric adds to the lanes for a block, and four words of which the largest are the bits of the largest |δ|.")
		sums, largest, x, y := p.Param("sums"), p.Param("largest"), p.Param("x"), p.Param("y")
		k := newKernel(p)
		p.Xor(k.largest, k.largest, k.largest)

		quads, stride := p.Int(lanes/4), p.Int(4*lanes)
		row, rowX, rowY := p.R(), p.R(), p.R()
		p.Loop(quads, func() {
			for _, s := range k.sum {
				p.Xor(s, s, s)
			}
			p.MoveR(rowX, x)
			p.MoveR(rowY, y)
			p.SetInt(row, rows)
			p.Loop(row, func() { k.add(rowX, rowY, stride) })
			for i, s := range k.sum {
				p.StoreAt(sums, 4*lanes*i, s)
			}
			p.AddInt(sums, 16)
			p.AddInt(x, 16)
			p.AddInt(y, 16)
		})
		p.Store(largest, k.largest)
		p.Return()
	})
}

// kernel holds what a term takes, and the sums. The names are those of
// addNearGeneric and expParts32.
type kernel struct {
	*neon.Printer
	invTemp, minusLogP, minusShift neon.V
	lowest, floor                  neon.V
	one, sign                      neon.V // sign is -0 too
	round, log2e, hi, lo           neon.V
	c                              [6]neon.V
	sum                            [terms]neon.V
	largest                        neon.V
	u, d, p, scale, q, t, k        neon.V
}

func newKernel(p *neon.Printer) *kernel {
	f := func(x float32) neon.V { return p.Const(math.Float32bits(x)) }
	k := &kernel{
		Printer: p,
		invTemp: p.ParamS4("invTemp"), minusLogP: p.ParamS4("minusLogP"), minusShift: p.ParamS4("minusShift"), lowest: p.ParamS4("lowest"),
		floor: f(-127 * 0x1.62e430p-1), one: f(1), sign: p.Const(1 << 31),
		round: f(0x1.8p23), log2e: f(0x1.715476p+0), hi: f(0x1.62e4p-1), lo: f(0x1.7f7d1cp-20),
	}
	for i, c := range []float32{0x1p-1, 0x1.555556p-3, 0x1.5554e8p-5, 0x1.11114cp-7, 0x1.6d4370p-10, 0x1.a072f0p-13} {
		k.c[i] = f(c)
	}
	copy(k.sum[:], p.Vs(terms))
	k.largest = p.V()
	k.u, k.d, k.p, k.scale, k.q, k.t, k.k = p.V(), p.V(), p.V(), p.V(), p.V(), p.V(), p.V()
	return k
}

// parts sets scale, r in u and k from the z in u, and changes q and t.
func (k *kernel) parts() {
	z, n := k.u, k.t
	k.Comment("n = round(z*log2e), as an integer in the low bits and as float32")
	k.Move(k.scale, k.round)
	k.AddProduct(k.scale, z, k.log2e)
	k.Move(n, k.scale)
	k.SubFloat(n, k.round, k.one)
	k.Comment("r = (z - n*hi) - n*lo")
	k.SubProduct(z, n, k.hi)
	k.SubProduct(z, n, k.lo)
	r := z
	k.Comment("k = r*r*(c0 + r*(c1 + r*(c2 + r*(c3 + r*(c4 + r*c5)))))")
	q, next := k.c[5], k.q
	for i, other := 4, k.t; i >= 0; i-- {
		k.Move(next, k.c[i])
		k.AddProduct(next, q, r)
		q, next, other = next, other, next
	}
	k.Mul(k.t, r, r, k.sign)
	k.Mul(k.k, q, k.t, k.sign)
	k.Comment("scale = 2^n")
	k.ShiftL(k.scale, k.scale, 23, neon.Words)
	k.Add(k.scale, k.scale, k.one)
}

// add adds the terms of four lanes of the next row.
func (k *kernel) add(x, y, stride neon.R) {
	k.LoadStride(x, stride, k.u)
	k.LoadStride(y, stride, k.d)
	k.Comment("x, y = max(x, lowest), max(y, lowest): beyond a negative bound bits are larger")
	k.Min(k.u, k.u, k.lowest)
	k.Min(k.d, k.d, k.lowest)
	k.Comment("d = (y - x)*a - shift, u = max(x*a - logP, floor)")
	k.SubFloat(k.d, k.u, k.one)
	k.Move(k.t, k.minusShift)
	k.AddProduct(k.t, k.d, k.invTemp)
	k.Move(k.d, k.t)
	k.Move(k.t, k.minusLogP)
	k.AddProduct(k.t, k.u, k.invTemp)
	k.Min(k.u, k.t, k.floor)

	k.parts()
	k.Comment("p = scale*(r + k) + scale")
	k.AddFloat(k.u, k.k, k.one)
	k.Move(k.p, k.scale)
	k.AddProduct(k.p, k.scale, k.u)

	k.Move(k.u, k.d)
	k.parts()
	k.Comment("e = scale*(r + k) + (scale - 1)")
	k.Move(k.t, k.d)
	k.SubProduct(k.t, k.scale, k.u)
	k.AddFloat(k.u, k.k, k.one)
	e := k.q
	k.Move(e, k.scale)
	k.SubFloat(e, k.one, k.one)
	k.Comment("k3 = scale*k + ((scale*r - d) + (scale - 1))")
	k3 := k.t
	k.Xor(k3, k3, k.sign)
	k.AddFloat(k3, e, k.one)
	k.AddProduct(e, k.scale, k.u)
	k.AddProduct(k3, k.scale, k.k)

	k.Comment("signed = p with the sign of d")
	sign, magnitude, signed := k.u, k.scale, k.k
	k.And(sign, k.d, k.sign)
	k.Xor(magnitude, k.d, sign)
	k.Max(k.largest, k.largest, magnitude)
	k.Xor(signed, k.p, sign)
	k.Comment("The sums of p, signed, p*e, p*|e|, p*k3, p*(d*e - k3) and p*e*e")
	k.AddFloat(k.sum[0], k.p, k.one)
	k.AddFloat(k.sum[1], signed, k.one)
	k.AddProduct(k.sum[2], k.p, e)
	k.AddProduct(k.sum[3], signed, e)
	k.AddProduct(k.sum[4], k.p, k3)
	k.SubProduct(k3, k.d, e)
	k.SubProduct(k.sum[5], k.p, k3)
	k.Mul(k.u, k.p, e, k.sign)
	k.AddProduct(k.sum[6], k.u, e)
}

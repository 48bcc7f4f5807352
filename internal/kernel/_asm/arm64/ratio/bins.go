package main

import "github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"

// Constants of histogram.go.
const (
	histSide = (6+24)*16 + 2
	histBase = (127-24)*16 - 1
)

// bins: where each d belongs in a histogram, in the steps of histBin.
func bins(p *neon.Printer) {
	p.Text("binsNEON", "bin *uint16, d *float32, groups int", "",
		"is histBin for groups of 16 tokens, at least one.")
	bin, d, groups := p.Param("bin"), p.Param("d"), p.Param("groups")
	base, most := p.Const(histBase), p.Const(histSide-1)
	side, sign := p.Const(histSide), p.Const(1<<31)
	x := p.Vs(4)
	i := p.Vs(4)
	p.Loop(groups, func() {
		p.Load(d, x...)
		for q := range x {
			p.Comment("i = the bits of |d| above 19, from base on, bounded")
			p.ShiftL(i[q], x[q], 1, neon.Words)
			p.ShiftR(i[q], i[q], 20, neon.Words)
			p.Max(i[q], i[q], base)
			p.Sub(i[q], i[q], base)
			p.Min(i[q], i[q], most)
			p.Comment("and the second half where d is negative")
			p.AnySet(x[q], x[q], sign, neon.Words)
			p.And(x[q], x[q], side)
			p.Add(i[q], i[q], x[q])
		}
		p.Even(i[0], i[0], i[1], neon.Halves)
		p.Even(i[1], i[2], i[3], neon.Halves)
		p.Store(bin, i[:2]...)
	})
	p.Return()
}

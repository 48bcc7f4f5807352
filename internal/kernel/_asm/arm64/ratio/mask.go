package main

import "github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"

// Masks are bytes, 32 to a group.

// invalid: all ones where the mask is 0, and how many it is not.
func invalid(p *neon.Printer) {
	p.Text("invalidNEON", "invalid *uint8, mask *uint8, groups int", "int",
		"is setInvalidGeneric for groups of 32 bytes, at least one, fewer than 128.")
	to, from, groups := p.Param("invalid"), p.Param("mask"), p.Param("groups")
	null, count := p.Zero(), p.Zero()
	set := p.V()
	x := p.Vs(2)
	p.Loop(groups, func() {
		p.Load(from, x...)
		for _, x := range x {
			p.AnySet(set, x, x, neon.Bytes)
			p.SubBytes(count, count, set)
			p.EqualBytes(x, x, null)
		}
		p.Store(to, x...)
	})
	p.ReturnSum(count)
}

// keep: 1 where invalid is 0, else 0.
func keep(p *neon.Printer) {
	p.Text("keepNEON", "keep *uint8, invalid *uint8, groups int", "",
		"is Block.Keep for groups of 32 tokens, at least one.")
	to, from, groups := p.Param("keep"), p.Param("invalid"), p.Param("groups")
	ones := p.Const(1<<32 - 1)
	x := p.Vs(2)
	p.Loop(groups, func() {
		p.Load(from, x...)
		for _, x := range x {
			p.SubBytes(x, x, ones) // -1 + 1, 0 + 1
		}
		p.Store(to, x...)
	})
	p.Return()
}

// Command amax generates the largest magnitude of float32 and BF16 values.
package main

import "github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"

func main() {
	neon.Generate(func(p *neon.Printer) {
		p.Text("amaxNEON", "src *float32, groups int", "uint32",
			"agrees with amaxGeneric on groups of 32, one or more.")
		emit(p, p.Max, 0x7FFF_FFFF, func(m neon.V) { p.ReturnWord(m, "MOVW") })

		p.Text("amaxBF16NEON", "src *uint16, groups int", "uint16",
			"agrees with amaxBF16Generic on groups of 64, one or more.")
		emit(p, p.MaxHalves, 0x7FFF_7FFF, func(m neon.V) {
			other := p.V()
			p.ShiftR(other, m, 16, neon.Words)
			p.MaxHalves(m, m, other)
			p.ReturnWord(m, "MOVH")
		})
	})
}

// emit emits the maximum of src[i] without its sign, as an unsigned integer, over
// groups of 128 bytes, and passes on a register with the maxima of the elements
// of each kind in every word.
func emit(p *neon.Printer, maximum func(d, a, b neon.V), mask uint32, returns func(m neon.V)) {
	src, groups := p.Param("src"), p.Param("groups")
	magnitude := p.Const(mask)
	m, x := make([]neon.V, 8), p.Vs(4)
	for i := range m {
		m[i] = p.Zero()
	}
	p.Loop(groups, func() {
		for half := range 2 {
			p.Load(src, x...)
			for i, x := range x {
				p.And(x, x, magnitude)
				maximum(m[4*half+i], m[4*half+i], x)
			}
		}
	})
	p.Comment("Over the registers, and over the words")
	for n := len(m) / 2; n > 0; n /= 2 {
		for i := range n {
			maximum(m[i], m[i], m[i+n])
		}
	}
	for _, bytes := range []int{8, 4} {
		p.Rotate(x[0], m[0], bytes)
		maximum(m[0], m[0], x[0])
	}
	returns(m[0])
}

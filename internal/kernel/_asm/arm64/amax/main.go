// Command amax generates the largest magnitudes of tiles of float32 and BF16
// values.
package main

import "github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"

func main() {
	neon.Generate(func(p *neon.Printer) {
		p.Text("amaxNEON", "dst *float32, src *float32, tiles int, turns int", "",
			"sets dst to what amaxGeneric gives for each tile of so many turns,\n// groups of 32; one or more of both.")
		emit(p, p.Max, 0x7FFF_FFFF, func(m neon.V) {})

		p.Text("amaxBF16NEON", "dst *float32, src *uint16, tiles int, turns int", "",
			"sets dst to what amaxBF16Generic gives for each tile of so many turns,\n// groups of 64; one or more of both.")
		emit(p, p.MaxHalves, 0x7FFF_7FFF, func(m neon.V) {
			p.Comment("Over both halves, the lower one cleared")
			other := p.V()
			p.ShiftL(other, m, 16, neon.Words)
			p.MaxHalves(m, m, other)
			p.ShiftR(m, m, 16, neon.Words)
			p.ShiftL(m, m, 16, neon.Words)
		})
	})
}

// emit emits the maximum of a tile's src[i] without their signs, as unsigned
// integers, over groups of 128 bytes, as the bits of a float32. To fold is given a
// register with the maxima of the elements of each kind in every word.
func emit(p *neon.Printer, maximum func(d, a, b neon.V), mask uint32, fold func(m neon.V)) {
	dst, src := p.Param("dst"), p.Param("src")
	magnitude := p.Const(mask)
	m, x := p.Vs(8), p.Vs(4)
	p.Tiles(func() {
		for _, m := range m {
			p.Xor(m, m, m)
		}
	}, func() {
		for half := range 2 {
			p.Load(src, x...)
			for i, x := range x {
				p.And(x, x, magnitude)
				maximum(m[4*half+i], m[4*half+i], x)
			}
		}
	}, func() {
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
		fold(m[0])
		p.StoreWord(dst, m[0])
	})
	p.Return()
}

// Command bf16 generates the conversions between float32 and BF16.
package main

import "github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"

func main() {
	neon.Generate(func(p *neon.Printer) {
		encode(p)
		decode(p)
	})
}

// encode emits dst[i] = BF16FromFloat32(src[i]).
func encode(p *neon.Printer) {
	p.Text("encodeBF16NEON", "dst *uint16, src *float32, groups int", "",
		"agrees with encodeBF16Generic on groups of 16, one or more.")
	dst, src, groups := p.Param("dst"), p.Param("src"), p.Param("groups")
	half := p.Const(0x7FFF)
	magnitude := p.Const(0x7FFF_FFFF)
	leastNaN := p.Const(0x7F80_0001)
	quiet := p.Const(1 << 22)
	x := p.Vs(4)
	sum, odd, nan := p.V(), p.V(), p.V()
	p.Loop(groups, func() {
		p.Load(src, x...)
		for _, x := range x {
			p.Comment("sum = x + 0x7FFF + (x>>16 & 1)")
			p.Add(sum, x, half)
			p.ShiftL(odd, x, 15, neon.Words)
			p.AddShiftR(sum, odd, 31, neon.Words)
			p.Comment("x = |x| > Inf ? x | quiet bit : sum")
			p.And(nan, x, magnitude)
			p.Max(odd, nan, leastNaN)
			p.Equal(nan, nan, odd)
			p.Or(x, x, quiet)
			p.InsertNot(x, sum, nan)
		}
		p.Comment("Upper halves")
		p.Odd(x[0], x[0], x[1], neon.Halves)
		p.Odd(x[1], x[2], x[3], neon.Halves)
		p.Store(dst, x[:2]...)
	})
	p.Return()
}

// decode emits dst[i] = src[i]<<16.
func decode(p *neon.Printer) {
	p.Text("decodeBF16NEON", "dst *float32, src *uint16, groups int", "",
		"agrees with decodeBF16Generic on groups of 16, one or more.")
	dst, src, groups := p.Param("dst"), p.Param("src"), p.Param("groups")
	zero := p.Zero()
	h, x := p.Vs(2), p.Vs(4)
	p.Loop(groups, func() {
		p.Load(src, h...)
		for i, h := range h {
			p.ZipLower(x[2*i], zero, h, neon.Halves)
			p.ZipUpper(x[2*i+1], zero, h, neon.Halves)
		}
		p.Store(dst, x...)
	})
	p.Return()
}

package main

import "github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"

const leastPower = 0x0040_0000 // 2^-127, as float32 bits

// scales emits the scale rule, and whether a block is NaN.
func scales(p *neon.Printer) {
	p.Text("mxScalesNEON", "scales *uint8, factor *float32, amax *float32, groups int, steps *uint32, zero float32, nan float32", "int",
		"agrees with mxScalesGeneric on groups of 16 blocks, one or more. It returns a number that is not 0 if a block is NaN.")
	to, factors, amax, groups := p.Param("scales"), p.Param("factor"), p.Param("amax"), p.Param("groups")
	steps, r := p.Param("steps"), p.R()
	zeroFactor, nanFactor := p.ParamS4("zero"), p.ParamS4("nan")
	mantissa, last := p.Const(1<<23-1), p.Const(254)
	least, leastNaN := p.Const(leastPower), p.Const(0x7F80_0001)
	zero, nans := p.Zero(), p.Zero()
	a, f := p.Vs(2), p.Vs(2)
	u, nan, code := p.V(), p.V(), p.Vs(4)
	p.Loop(groups, func() {
		for _, code := range code {
			p.Comment("u: the larger maximum of each pair")
			p.Load(amax, a...)
			p.Even(u, a[0], a[1], neon.Words)
			p.Odd(code, a[0], a[1], neon.Words)
			p.Max(u, u, code)
			p.Max(nan, u, leastNaN)
			p.Equal(nan, nan, u)
			p.Or(nans, nans, nan)
			p.Comment("byte = (mantissa + steps[exponent]) >> 23")
			p.ShiftR(code, u, 23, neon.Words)
			p.Gather(a[0], code, steps, r)
			p.And(u, u, mantissa)
			p.Add(code, u, a[0])
			p.ShiftR(code, code, 23, neon.Words)
			p.Comment("factor = 2^(127-byte), but for bytes 0 and NaN")
			p.Sub(f[0], last, code)
			p.ShiftL(f[0], f[0], 23, neon.Words)
			p.Max(f[0], f[0], least)
			p.Equal(u, code, zero)
			p.Insert(f[0], zeroFactor, u)
			p.Insert(f[0], nanFactor, nan)
			p.Or(code, code, nan)
			twice(p, factors, f)
		}
		p.Narrow(code, p.Even)
		p.Store(to, code[0])
	})
	p.ReturnSum(nans)
}

// multipliers emits the values of scales, each twice.
func multipliers(p *neon.Printer) {
	p.Text("mxMultipliersNEON", "mult *float32, scales *uint8, groups int", "",
		"agrees with mxMultipliersGeneric on groups of 16 blocks, one or more.")
	mult, scales, groups := p.Param("mult"), p.Param("scales"), p.Param("groups")
	least, nanByte := p.Const(leastPower), p.Const(0xFF00_0000)
	zero, isNaN, code, half, f := p.Zero(), p.V(), p.V(), p.V(), p.Vs(2)
	zips := []func(d, a, b neon.V, in string){p.ZipLower, p.ZipUpper}
	p.Loop(groups, func() {
		p.Load(scales, code)
		for _, zip := range zips {
			zip(half, zero, code, neon.Bytes)
			for _, zip := range zips {
				p.Comment("max(byte<<23, 2^-127), a quiet NaN of an infinity")
				zip(f[0], zero, half, neon.Halves)
				p.Equal(isNaN, f[0], nanByte)
				p.ShiftR(f[0], f[0], 1, neon.Words)
				p.Max(f[0], f[0], least)
				p.And(isNaN, isNaN, least)
				p.Or(f[0], f[0], isNaN)
				twice(p, mult, f)
			}
		}
	})
	p.Return()
}

// twice stores each word of f[0] twice.
func twice(p *neon.Printer, to neon.R, f []neon.V) {
	p.ZipUpper(f[1], f[0], f[0], neon.Words)
	p.ZipLower(f[0], f[0], f[0], neon.Words)
	p.Store(to, f...)
}

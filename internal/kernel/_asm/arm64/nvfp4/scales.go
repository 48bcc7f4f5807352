package main

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"
)

// scalesModelOpt: one block a lane.
//
//	q = amax/(6g), 1 where that is 0 or amax = zeroKey
//	scale = e4m3(max(q, 2⁻⁹))
//	div = scale·g
func scalesModelOpt(p *neon.Printer) {
	p.Text("scalesModelOptNEON", "scales *uint8, div *float32, amax *float32, sixG float32, tensorScale float32, zeroKey float32, groups int", "",
		"agrees with scalesModelOptGeneric on groups of 16 blocks, one or more. Blocks whose maximum has the bits of zeroKey get scale 1: 0 for zeroIsOne, else NaN with a sign.")
	scales, div, amax, groups := p.Param("scales"), p.Param("div"), p.Param("amax"), p.Param("groups")
	sixG, g, zeroKey := p.Scalar("sixG"), p.ParamS4("tensorScale"), p.ParamS4("zeroKey")
	e := newE4M3(p)
	one, least := p.Const(math.Float32bits(1)), p.Const(math.Float32bits(0x1p-9))
	zero, t := p.Zero(), p.Vs(3)
	b, q := p.Vs(4), p.Vs(4)
	p.Loop(groups, func() {
		p.Load(amax, b...)
		for i := range b {
			p.Comment("q = amax/(6g), or 1")
			p.And(b[i], b[i], e.magnitude)
			p.Equal(e.t, b[i], zeroKey)
			p.Div(q[i], b[i], sixG, t[0], t[1], t[2])
			p.And(q[i], q[i], e.magnitude)
			p.Insert(q[i], one, e.t)
			p.Equal(e.t, q[i], zero)
			p.Insert(q[i], one, e.t)
			p.Max(q[i], q[i], least)
			e.encode(b[i], q[i])
			p.Comment("div = scale*g")
			p.Mul(t[0], q[i], g, e.sign)
			p.Store(div, t[0])
		}
		e.store(scales, b)
	})
	p.Return()
}

// scalesTE: one block a lane.
//
//	scale = e4m3(amax·perMax)
//	mult = min(1/(scale·inverse), MaxFloat32)
func scalesTE(p *neon.Printer) {
	p.Text("scalesTENEON", "scales *uint8, mult *float32, amax *float32, perMax float32, inverse float32, groups int", "",
		"agrees with scalesTEGeneric on groups of 16 blocks, one or more. perMax is s·(1/6), inverse is 1/s.")
	scales, mult, amax, groups := p.Param("scales"), p.Param("mult"), p.Param("amax"), p.Param("groups")
	perMax, inverse := p.ParamS4("perMax"), p.ParamS4("inverse")
	e := newE4M3(p)
	one := p.Const(math.Float32bits(1))
	inf, most := p.Const(0x7F80_0000), p.Const(0x7F7F_FFFF)
	q, t := p.V(), p.Vs(4)
	x := p.Vs(4)
	p.Loop(groups, func() {
		p.Load(amax, x...)
		for i := range x {
			p.Comment("q = amax*perMax")
			p.Mul(q, x[i], perMax, e.sign)
			p.And(q, q, e.magnitude)
			e.encode(x[i], q)
			p.Comment("mult = 1/(scale*inverse), finite")
			p.Mul(t[0], q, inverse, e.sign)
			p.DivScalarBy(q, one, t[0], t[1], t[2], t[3])
			p.Equal(t[0], q, inf)
			p.Insert(q, most, t[0])
			p.Store(mult, q)
		}
		e.store(scales, x)
	})
	p.Return()
}

// e4m3 holds what rounding magnitudes to E4M3 needs.
type e4m3 struct {
	*neon.Printer
	magnitude, exponent, sign neon.V // sign is -0 too
	least, most, round        neon.V
	leastNaN, nanCode         neon.V
	t, nan                    neon.V
}

func newE4M3(p *neon.Printer) e4m3 {
	f := func(x float32) neon.V { return p.Const(math.Float32bits(x)) }
	return e4m3{
		Printer: p, magnitude: p.Const(0x7FFF_FFFF), exponent: p.Const(0x7F80_0000), sign: p.Const(1 << 31),
		least: f(0x1p-6), most: f(448), round: f(1<<20 + 19),
		leastNaN: p.Const(0x7F80_0001), nanCode: p.Const(0x7F7F_7F7F),
		t: p.V(), nan: p.V(),
	}
}

// encode sets the lowest byte of r to the code of q, all ones if q is NaN, and q
// to the code's value.
func (e e4m3) encode(r, q neon.V) {
	e.Comment("r = min(q, 448), p = 2^floor(log2 max(r, 2^-6))")
	e.Max(e.nan, q, e.leastNaN)
	e.Equal(e.nan, q, e.nan)
	e.Min(r, q, e.most)
	e.Max(e.t, r, e.least)
	e.And(e.t, e.t, e.exponent)
	e.Comment("r += p*round leaves steps, r - p*round the value, r += r>>20 the code")
	e.AddProduct(r, e.t, e.round)
	e.Move(q, r)
	e.SubProduct(q, e.t, e.round)
	e.AddShiftR(r, r, 20, neon.Words)
	e.Or(q, q, e.nan)
	e.Or(r, r, e.nan)
}

// store stores 16 codes, and destroys r.
func (e e4m3) store(to neon.R, r []neon.V) {
	e.Narrow(r, e.Even)
	e.And(r[0], r[0], e.nanCode)
	e.Store(to, r[0])
}

// blockMultipliers: mult = (scale·a)·b. An E4M3 magnitude, moved to where float32
// has its exponent, is the value times 2⁻¹²⁰, subnormals included.
func blockMultipliers(p *neon.Printer) {
	p.Text("blockMultipliersNEON", "mult *float32, scales *uint8, a float32, b float32, groups int", "",
		"agrees with blockMultipliersGeneric on groups of 16 blocks, one or more.")
	mult, scales, groups := p.Param("mult"), p.Param("scales"), p.Param("groups")
	a, b := p.ParamS4("a"), p.ParamS4("b")
	magnitude, sign := p.Const(0x7F00_0000), p.Const(1<<31) // sign is -0 too
	unit, zero := p.Const(math.Float32bits(0x1p120)), p.Zero()
	code, half, x, y, nan := p.V(), p.V(), p.V(), p.V(), p.V()
	zips := []func(d, a, b neon.V, in string){p.ZipLower, p.ZipUpper}
	p.Loop(groups, func() {
		p.Load(scales, code)
		for _, zip := range zips {
			zip(half, zero, code, neon.Bytes)
			for _, zip := range zips {
				p.Comment("x = the magnitude's value, with the sign")
				zip(x, zero, half, neon.Halves)
				p.And(y, x, magnitude)
				p.Equal(nan, y, magnitude)
				p.And(x, x, sign)
				p.Or(x, x, nan)
				p.ShiftR(nan, y, 4, neon.Words)
				p.Mul(y, nan, unit, sign)
				p.Or(x, x, y)
				p.Comment("x*a*b")
				p.Mul(y, x, a, sign)
				p.Mul(x, y, b, sign)
				p.Store(mult, x)
			}
		}
	})
	p.Return()
}

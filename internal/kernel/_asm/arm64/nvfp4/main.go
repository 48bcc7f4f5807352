// Command nvfp4 generates the steps of NVFP4.
package main

import "github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"

func main() {
	neon.Generate(func(p *neon.Printer) {
		blockAMax(p)
		blockAMaxBF16(p)
		scalesModelOpt(p)
		scalesTE(p)
		blockMultipliers(p)
		for _, op := range []operation{mul, div} {
			for _, in := range []input{float32s, bf16s} {
				encode(p, op, in)
			}
		}
		decode(p, false)
		decode(p, true)
	})
}

// blockAMax emits the largest magnitude of each block.
func blockAMax(p *neon.Printer) {
	p.Text("blockAMaxNEON", "amax *float32, src *float32, groups int", "",
		"agrees with blockAMaxGeneric on groups of 4 blocks, one or more.")
	amax, src, groups := p.Param("amax"), p.Param("src"), p.Param("groups")
	magnitude := p.Const(0x7FFF_FFFF)
	x, m, odd := p.Vs(4), p.Vs(4), p.V()
	p.Loop(groups, func() {
		for i := range m {
			p.Comment("m = max |x| by words")
			p.Load(src, x...)
			for _, x := range x {
				p.And(x, x, magnitude)
			}
			p.Max(x[0], x[0], x[1])
			p.Max(x[2], x[2], x[3])
			p.Max(m[i], x[0], x[2])
		}
		foldPairs(p, m, odd, p.Max, neon.Words)
		p.Store(amax, m[0])
	})
	p.Return()
}

// blockAMaxBF16 emits the same for BF16, whose maxima are widened at the end.
func blockAMaxBF16(p *neon.Printer) {
	p.Text("blockAMaxBF16NEON", "amax *float32, src *uint16, groups int", "",
		"agrees with blockAMaxBF16Generic on groups of 8 blocks, one or more.")
	amax, src, groups := p.Param("amax"), p.Param("src"), p.Param("groups")
	magnitude := p.Const(0x7FFF_7FFF)
	zero := p.Zero()
	x, m, odd := p.Vs(2), p.Vs(8), p.V()
	p.Loop(groups, func() {
		for i := range m {
			p.Comment("m = max |x| by halves")
			p.Load(src, x...)
			for _, x := range x {
				p.And(x, x, magnitude)
			}
			p.MaxHalves(m[i], x[0], x[1])
		}
		foldPairs(p, m, odd, p.MaxHalves, neon.Halves)
		p.ZipLower(x[0], zero, m[0], neon.Halves)
		p.ZipUpper(x[1], zero, m[0], neon.Halves)
		p.Store(amax, x...)
	})
	p.Return()
}

// foldPairs sets element i of m[0] to the maximum over the elements of m[i], of
// which there are as many as a register has elements.
func foldPairs(p *neon.Printer, m []neon.V, odd neon.V, maximum func(d, a, b neon.V), in string) {
	p.Comment("Neighbours of two registers, until one is left")
	for n := len(m); n > 1; n /= 2 {
		for i := 0; i < n; i += 2 {
			p.Odd(odd, m[i], m[i+1], in)
			p.Even(m[i/2], m[i], m[i+1], in)
			maximum(m[i/2], m[i/2], odd)
		}
	}
}

// operation is what makes v of a value and its block's factor.
type operation struct {
	name, factor string
	nan          int // code
}

var (
	mul = operation{"Mul", "mult", 0}
	div = operation{"Div", "div", 7}
)

// input is the type of values.
type input struct{ name, typ string }

var (
	float32s = input{"", "float32"}
	bf16s    = input{"BF16", "uint16"}
)

// encode emits codes[i] = e2m1Below0(src[i] op factor of its block).
func encode(p *neon.Printer, op operation, in input) {
	name := "encodeE2M1" + op.name + in.name
	p.Text(name+"NEON", "codes *byte, src *"+in.typ+", "+op.factor+" *float32, groups int", "",
		"agrees with "+name+"Generic on groups of 2 blocks, one or more.")
	codes, src, factors, groups := p.Param("codes"), p.Param("src"), p.Param(op.factor), p.Param("groups")
	e := encoder{
		Printer:   p,
		magnitude: p.Const(0x7FFF_FFFF), exponent: p.Const(0x7F80_0000),
		one: p.Const(0x3F80_0000), six: p.Const(0x40C0_0000),
		round: p.Const(0x4A80_0006), // 2^22 + 3
		unit:  p.Const(1), inf: p.Const(0x7F7F_FFFF),
		nanIs0: op.nan == 0, t: p.V(), u: p.V(),
	}
	zero, factor := p.Zero(), p.V()
	h, x := p.Vs(2), p.Vs(4)
	v := [2][]neon.V{p.Vs(4), p.Vs(4)}
	p.Loop(groups, func() {
		for _, v := range v {
			p.Comment("v = x " + op.name + " factor")
			if in == bf16s {
				p.Load(src, h...)
				for i, h := range h {
					p.ZipLower(x[2*i], zero, h, neon.Halves)
					p.ZipUpper(x[2*i+1], zero, h, neon.Halves)
				}
			}
			switch {
			case op == div && in == bf16s:
				p.LoadScalar(factors, factor)
				for i := range v {
					p.Div(v[i], x[i], factor, e.t, e.u, h[0])
				}
			case op == div:
				p.LoadScalar(factors, factor)
				for i := range v {
					p.LoadDiv(v[i], src, factor, x)
				}
			default:
				p.LoadAll(factors, factor)
				if in == float32s {
					p.Load(src, x...)
				}
				for i := range v {
					p.Mul(v[i], x[i], factor, zero)
				}
			}
			e.encode(x, v)
		}
		p.Comment("Even columns below odd ones")
		p.Even(x[0], v[0][0], v[1][0], neon.Bytes)
		p.Odd(x[1], v[0][0], v[1][0], neon.Bytes)
		p.InsertR(x[1], x[0], 4, neon.Bytes)
		p.Store(codes, x[1])
	})
	p.Return()
}

// encoder holds what rounding to E2M1 needs.
type encoder struct {
	*neon.Printer
	magnitude, exponent neon.V
	one, six, round     neon.V
	unit, inf           neon.V // as integers: 1, and the infinity less that
	nanIs0              bool
	t, u                neon.V
}

// encode sets the upper halves of the bytes of v[0] to the codes of the 16
// values in v, the lower ones to 0, and destroys r and the others.
func (e encoder) encode(r, v []neon.V) {
	for i := range v {
		e.Comment("Neither 0 nor NaN: 0 <= |v| - 1 < Inf, as integers. The sign is v < 0")
		e.And(r[i], v[i], e.magnitude)
		e.Sub(e.t, r[i], e.unit)
		e.Min(e.u, e.t, e.inf)
		e.Equal(e.t, e.t, e.u)
		e.And(v[i], v[i], e.t)
		if e.nanIs0 {
			e.And(r[i], r[i], e.t)
		}
		e.Comment("r = min(|v|, 6), p = 2^floor(log2 max(r, 1))")
		e.Min(r[i], r[i], e.six)
		e.Max(e.t, r[i], e.one)
		e.And(e.t, e.t, e.exponent)
		e.Comment("r += p*round leaves steps, r += r>>22 the code, in the lowest bits")
		e.AddProduct(r[i], e.t, e.round)
		e.AddShiftR(r[i], r[i], 22, neon.Words)
	}
	e.Comment("The code's lowest bits below v's sign")
	e.Narrow(r, e.Even)
	e.Narrow(v, e.Odd)
	e.ShiftL(r[0], r[0], 5, neon.Bytes)
	e.InsertR(v[0], r[0], 1, neon.Bytes)
}

// decode emits dst[i] = value(codes[i])·mult of its block, rounded to BF16 if
// toBF16 is set. The table holds the highest bytes of the 16 values, then their
// second bytes; the others are 0.
func decode(p *neon.Printer, toBF16 bool) {
	name, typ := "decodeE2M1", "float32"
	if toBF16 {
		name, typ = "decodeE2M1BF16", "uint16"
	}
	p.Text(name+"NEON", "dst *"+typ+", codes *byte, mult *float32, table *uint8, groups int", "",
		"agrees with "+name+"Generic on groups of 2 blocks, one or more.")
	dst, codes, mults, table, groups := p.Param("dst"), p.Param("codes"), p.Param("mult"), p.Param("table"), p.Param("groups")
	first, second := p.V(), p.V()
	p.Load(table, first, second)
	low := p.Const(0x0F0F_0F0F)
	minusZero := p.Const(0x8000_0000)
	zero, mult := p.Zero(), p.V()
	code, even, odd, index := p.V(), p.V(), p.V(), p.V()
	upper, lower, half, x := p.V(), p.V(), p.V(), p.V()
	y := p.Vs(4)
	var r rounder
	if toBF16 {
		r = newRounder(p)
	}
	p.Loop(groups, func() {
		p.Load(codes, code)
		p.And(even, code, low)
		p.ShiftR(odd, code, 4, neon.Bytes)
		for _, block := range []func(d, a, b neon.V, in string){p.ZipLower, p.ZipUpper} {
			p.Comment("The two upper bytes of a block's values")
			block(index, even, odd, neon.Bytes)
			p.Lookup(upper, index, first)
			p.Lookup(lower, index, second)
			p.LoadAll(mults, mult)
			if toBF16 {
				r.quiet(mult)
			}
			p.Comment("The products")
			for i, zip := range []func(d, a, b neon.V, in string){p.ZipLower, p.ZipUpper} {
				zip(half, lower, upper, neon.Bytes)
				p.ZipLower(x, zero, half, neon.Halves)
				p.Mul(y[2*i], x, mult, minusZero)
				p.ZipUpper(x, zero, half, neon.Halves)
				p.Mul(y[2*i+1], x, mult, minusZero)
			}
			if toBF16 {
				p.Comment("Their upper halves, once rounded")
				for _, y := range y {
					r.round(y)
				}
				p.Odd(y[0], y[0], y[1], neon.Halves)
				p.Odd(y[1], y[2], y[3], neon.Halves)
				p.Store(dst, y[0], y[1])
			} else {
				p.Store(dst, y...)
			}
		}
	})
	p.Return()
}

// rounder rounds float32 bits so that their upper half is the nearest BF16, for
// what is not a NaN or a NaN whose lower half is 0.
type rounder struct {
	*neon.Printer
	one, justHalf                       neon.V
	magnitude, inf, upperHalf, quietBit neon.V
	t, u                                neon.V
}

func newRounder(p *neon.Printer) rounder {
	return rounder{p, p.Const(1), p.Const(0x7FFF),
		p.Const(0x7FFF_FFFF), p.Const(0x7F80_0000), p.Const(0xFFFF_0000), p.Const(1 << 22),
		p.V(), p.V()}
}

// round sets x += 0x7FFF + (x>>16 & 1).
func (r rounder) round(x neon.V) {
	r.ShiftR(r.t, x, 16, neon.Words)
	r.And(r.t, r.t, r.one)
	r.Add(x, x, r.justHalf)
	r.Add(x, x, r.t)
}

// quiet makes a NaN quiet and its lower half 0.
func (r rounder) quiet(x neon.V) {
	r.Comment("A NaN's magnitude is above Inf, as integers")
	r.And(r.t, x, r.magnitude)
	r.Max(r.u, r.t, r.inf)
	r.Equal(r.u, r.u, r.inf)
	r.And(r.t, x, r.upperHalf)
	r.Or(r.t, r.t, r.quietBit)
	r.InsertNot(x, r.t, r.u)
}

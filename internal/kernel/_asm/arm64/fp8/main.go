// Command fp8 generates the conversions between float32 and the formats of eight
// bits.
package main

import (
	"fmt"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"
)

func main() {
	neon.Generate(func(p *neon.Printer) {
		for _, f := range []format{e4m3, e5m2} {
			f.scale(p, float32s)
			f.quantize(p)
		}
		e4m3.scale(p, bf16s)
		e4m3.quantizeBF16(p, "quantizeE4M3BF16", false)
		e4m3.quantizeBF16(p, "quantizeE4M3InBF16", true)
		decode(p)
	})
}

// format is a format with a mantissa of m bits.
type format struct {
	name  string
	m     int
	least uint32 // normal number, as float32 bits
	max   uint32 // finite number, as float32 bits
	round uint32 // 2^(23-m) + k, as float32 bits; see encode
}

var (
	e4m3 = format{"E4M3", 3, (127 - 6) << 23, 0x43E0_0000, 0x4980_0098}  // 2^20 + 19
	e5m2 = format{"E5M2", 2, (127 - 14) << 23, 0x4760_0000, 0x4A00_00E8} // 2^21 + 58
)

// scale emits dst[i] = FromFloat32(src[i]·factor).
func (f format) scale(p *neon.Printer, src source) {
	dst, from, factors := f.text(p, "scale"+f.name+src.name, src)
	factor := p.V()
	minusZero := p.Const(0x8000_0000)
	e := f.newEncoder(p)
	load := src.loader(p)
	x, y := p.Vs(4), p.Vs(4)
	p.Tiles(func() { p.LoadAll(factors, factor) }, func() {
		load(from, x)
		for i := range y {
			p.Mul(y[i], x[i], factor, minusZero)
		}
		e.encode(x, y)
		p.Store(dst, x[0])
	}, func() {})
	p.Return()
}

// quantize emits dst[i] = FromFloat32(src[i]/factor).
func (f format) quantize(p *neon.Printer) {
	dst, src, factors := f.text(p, "quantize"+f.name, float32s)
	factor := p.V()
	e := f.newEncoder(p)
	x, y := p.Vs(4), p.Vs(4)
	p.Tiles(func() { p.LoadScalar(factors, factor) }, func() {
		for i := range y {
			p.LoadDiv(y[i], src, factor, x)
		}
		e.encode(x, y)
		p.Store(dst, x[0])
	}, func() {})
	p.Return()
}

// quantizeBF16 is quantize of BF16 values, perhaps with the quotient rounded to
// BF16.
func (f format) quantizeBF16(p *neon.Printer, name string, round bool) {
	dst, src, factors := f.text(p, name, bf16s)
	factor := p.V()
	e := f.newEncoder(p)
	load := bf16s.loader(p)
	x, y := p.Vs(4), p.Vs(4)
	spare := p.Vs(3)
	half := p.Const(0x7FFF)
	p.Tiles(func() { p.LoadScalar(factors, factor) }, func() {
		load(src, x)
		for i := range y {
			p.Div(y[i], x[i], factor, spare[0], spare[1], spare[2])
			if round {
				p.Comment("y = upper half of y + 0x7FFF + (y>>16 & 1)")
				odd := spare[0]
				p.ShiftL(odd, y[i], 15, neon.Words)
				p.Add(y[i], y[i], half)
				p.AddShiftR(y[i], odd, 31, neon.Words)
				p.ShiftR(y[i], y[i], 16, neon.Words)
				p.ShiftL(y[i], y[i], 16, neon.Words)
			}
		}
		e.encode(x, y)
		p.Store(dst, x[0])
	}, func() {})
	p.Return()
}

// text begins a function that encodes.
func (f format) text(p *neon.Printer, name string, src source) (to, from, factors neon.R) {
	p.Text(name+"NEON", fmt.Sprintf("dst *uint8, src *%s, tiles int, turns int, factors *float32", src.element), "",
		"agrees with "+name+"Generic on each tile of so many turns,\n// groups of 16; one or more of both.")
	return p.Param("dst"), p.Param("src"), p.Param("factors")
}

// source is what a function reads.
type source struct{ name, element string }

var (
	float32s = source{"", "float32"}
	bf16s    = source{"BF16", "uint16"}
)

// loader returns a function that loads 16 values as float32.
func (s source) loader(p *neon.Printer) func(from neon.R, x []neon.V) {
	if s == float32s {
		return func(from neon.R, x []neon.V) { p.Load(from, x...) }
	}
	zero, half := p.Zero(), p.Vs(2)
	return func(from neon.R, x []neon.V) {
		p.Load(from, half...)
		for i, h := range half {
			p.ZipLower(x[2*i], zero, h, neon.Halves)
			p.ZipUpper(x[2*i+1], zero, h, neon.Halves)
		}
	}
}

// encoder holds what rounding to a format needs.
type encoder struct {
	*neon.Printer
	shift                     int
	magnitude, exponent, sign neon.V
	least, max, round         neon.V
	leastNaN, nanCode         neon.V
	power                     neon.V
	nan                       []neon.V
}

func (f format) newEncoder(p *neon.Printer) encoder {
	return encoder{
		Printer: p, shift: 23 - f.m,
		magnitude: p.Const(0x7FFF_FFFF), exponent: p.Const(0x7F80_0000), sign: p.Const(0x8080_8080),
		least: p.Const(f.least), max: p.Const(f.max), round: p.Const(f.round),
		leastNaN: p.Const(0x7F80_0001), nanCode: p.Const(0x7F7F_7F7F),
		power: p.V(), nan: p.Vs(4),
	}
}

// encode sets r[0] to the codes of the 16 values in y, and destroys the others.
func (e encoder) encode(r, y []neon.V) {
	for i := range y {
		e.Comment("r = min(|y|, max), p = 2^floor(log2 max(r, least normal))")
		e.And(r[i], y[i], e.magnitude)
		e.Max(e.power, r[i], e.leastNaN)
		e.Equal(e.nan[i], r[i], e.power)
		e.Min(r[i], r[i], e.max)
		e.Max(e.power, r[i], e.least)
		e.And(e.power, e.power, e.exponent)
		e.Comment("r += p*round leaves steps, r += r>>shift the code, in the lowest byte")
		e.AddProduct(r[i], e.power, e.round)
		e.AddShiftR(r[i], r[i], e.shift, neon.Words)
	}
	e.Comment("The sign from y's highest byte, and NaN")
	e.Narrow(r, e.Even)
	e.Narrow(y, e.Odd)
	e.Narrow(e.nan, e.Even)
	e.Insert(r[0], y[0], e.sign)
	e.Insert(r[0], e.nanCode, e.nan[0])
}

// decode emits dst[i] = value(src[i])·factor. The table holds the highest bytes of
// the values of the codes without sign, then their second bytes; the others are 0.
func decode(p *neon.Printer) {
	p.Text("decodeFP8NEON", "dst *float32, src *uint8, tiles int, turns int, factors *float32, table *uint8", "",
		"agrees with decodeTable on each tile of so many turns,\n// groups of 16; one or more of both.")
	dst, src, factors := p.Param("dst"), p.Param("src"), p.Param("factors")
	table := p.Param("table")
	factor := p.V()
	minusZero := p.Const(0x8000_0000)
	sign, magnitude := p.Const(0x8080_8080), p.Const(0x7F7F_7F7F)
	tableSize := p.Const(0x4040_4040)
	first, second := p.Vs(8), p.Vs(8)
	for _, t := range [][]neon.V{first[:4], first[4:], second[:4], second[4:]} {
		p.Load(table, t...)
	}
	zero := p.Zero()
	code, index, upper, lower := p.V(), p.V(), p.V(), p.V()
	y := p.Vs(4)
	half, x := index, code // dead by then
	p.Tiles(func() { p.LoadAll(factors, factor) }, func() {
		p.Load(src, code)
		p.Comment("The two upper bytes of the values")
		p.And(index, code, magnitude)
		p.Lookup(upper, index, first[:4]...)
		p.Lookup(lower, index, second[:4]...)
		p.SubBytes(index, index, tableSize)
		p.LookupMore(upper, index, first[4:]...)
		p.LookupMore(lower, index, second[4:]...)
		p.Insert(upper, code, sign)
		p.Comment("The products")
		for i, zip := range []func(d, a, b neon.V, in string){p.ZipLower, p.ZipUpper} {
			zip(half, lower, upper, neon.Bytes)
			p.ZipLower(x, zero, half, neon.Halves)
			p.Mul(y[2*i], x, factor, minusZero)
			p.ZipUpper(x, zero, half, neon.Halves)
			p.Mul(y[2*i+1], x, factor, minusZero)
		}
		p.Store(dst, y...)
	}, func() {})
	p.Return()
}

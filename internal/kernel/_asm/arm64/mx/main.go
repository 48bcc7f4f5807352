// Command mx generates the steps of the MX formats.
package main

import (
	"fmt"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"
)

func main() {
	neon.Generate(func(p *neon.Printer) {
		scales(p)
		multipliers(p)
		for _, in := range []input{float32s, bf16s} {
			for _, f := range []format{e2m1, e4m3, e5m2} {
				f.encode(p, in)
			}
		}
		decode(p)
	})
}

// format is a format with a mantissa of m bits.
type format struct {
	name  string
	bits  int // of a code
	m     int
	least uint32 // normal number, as float32 bits
	max   uint32 // finite number, as float32 bits
	round uint32 // 2^(23-m) + k, as float32 bits; see encoder
}

var (
	e2m1 = format{"E2M1", 4, 1, 127 << 23, 0x40C0_0000, 0x4A80_0006}        // 2^22 + 3
	e4m3 = format{"E4M3", 8, 3, (127 - 6) << 23, 0x43E0_0000, 0x4980_0098}  // 2^20 + 19
	e5m2 = format{"E5M2", 8, 2, (127 - 14) << 23, 0x4760_0000, 0x4A00_00E8} // 2^21 + 58
)

// input is the type of values.
type input struct{ name, typ string }

var (
	float32s = input{"", "float32"}
	bf16s    = input{"BF16", "uint16"}
)

// encode emits codes[i] = FromFloat32(src[i]·factor) for the factor of i's half of
// a block, where no product is NaN.
func (f format) encode(p *neon.Printer, in input) {
	name := "encodeMX" + f.name + in.name
	halves := 8 / f.bits
	p.Text(name+"NEON", "codes *byte, src *"+in.typ+", factor *float32, groups int", "",
		fmt.Sprintf("agrees with %sGeneric on groups of %d values, one or more,\n// where no product is NaN.", name, 16*halves))
	codes, src, factors, groups := p.Param("codes"), p.Param("src"), p.Param("factor"), p.Param("groups")
	e := encoder{
		Printer: p, format: f,
		magnitude: p.Const(0x7FFF_FFFF), exponent: p.Const(0x7F80_0000),
		least: p.Const(f.least), max: p.Const(f.max), round: p.Const(f.round), power: p.V(),
	}
	zero, minusZero, factor := p.Zero(), p.Const(0x8000_0000), p.V()
	h, x := p.Vs(2), p.Vs(4)
	y := make([][]neon.V, halves)
	for i := range y {
		y[i] = p.Vs(4)
	}
	p.Loop(groups, func() {
		for _, y := range y {
			p.Comment("y = x·factor")
			if in == bf16s {
				p.Load(src, h...)
				for i, h := range h {
					p.ZipLower(x[2*i], zero, h, neon.Halves)
					p.ZipUpper(x[2*i+1], zero, h, neon.Halves)
				}
			} else {
				p.Load(src, x...)
			}
			p.LoadAll(factors, factor)
			for i := range y {
				p.Mul(y[i], x[i], factor, minusZero)
			}
			e.encode(x, y)
		}
		if halves == 2 {
			p.Comment("Even columns below odd ones")
			p.Even(x[0], y[0][0], y[1][0], neon.Bytes)
			p.Odd(x[1], y[0][0], y[1][0], neon.Bytes)
			p.InsertR(x[1], x[0], 4, neon.Bytes)
			p.Store(codes, x[1])
		} else {
			p.Store(codes, y[0][0])
		}
	})
	p.Return()
}

// encoder holds what rounding to a format needs.
type encoder struct {
	*neon.Printer
	format
	magnitude, exponent neon.V
	least, max, round   neon.V
	power               neon.V
}

// encode sets the bytes of y[0], of codes of four bits their upper halves, to the
// codes of the 16 values in y, and destroys r and the others.
func (e encoder) encode(r, y []neon.V) {
	for i := range y {
		e.Comment("r = min(|y|, max), p = 2^floor(log2 max(r, least normal))")
		e.And(r[i], y[i], e.magnitude)
		e.Min(r[i], r[i], e.max)
		e.Max(e.power, r[i], e.least)
		e.And(e.power, e.power, e.exponent)
		e.Comment("r += p*round leaves steps, r += r>>shift the code, in the lowest bits")
		e.AddProduct(r[i], e.power, e.round)
		e.AddShiftR(r[i], r[i], 23-e.m, neon.Words)
	}
	e.Comment("The code's lowest bits below y's sign")
	e.Narrow(r, e.Even)
	e.Narrow(y, e.Odd)
	e.ShiftL(r[0], r[0], 9-e.bits, neon.Bytes)
	e.InsertR(y[0], r[0], 1, neon.Bytes)
}

// decode emits dst[i] = value(codes[i])·mult for the multiplier of i's half of a
// block. The table holds the highest bytes of the values of the codes without sign,
// then their second bytes; the others are 0.
func decode(p *neon.Printer) {
	p.Text("decodeMXNEON", "dst *float32, codes *uint8, mult *float32, table *uint8, groups int", "",
		"agrees with decodeMXGeneric on groups of 16 values, one or more.")
	dst, codes, mults, table, groups := p.Param("dst"), p.Param("codes"), p.Param("mult"), p.Param("table"), p.Param("groups")
	sign, magnitude := p.Const(0x8080_8080), p.Const(0x7F7F_7F7F)
	tableSize := p.Const(0x4040_4040)
	first, second := p.Vs(8), p.Vs(8)
	for _, t := range [][]neon.V{first[:4], first[4:], second[:4], second[4:]} {
		p.Load(table, t...)
	}
	zero, minusZero, mult := p.Zero(), p.Const(0x8000_0000), p.V()
	code, index, upper, lower := p.V(), p.V(), p.V(), p.V()
	y := p.Vs(4)
	half, x := index, code // dead by then
	p.Loop(groups, func() {
		p.Load(codes, code)
		p.LoadAll(mults, mult)
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
			p.Mul(y[2*i], x, mult, minusZero)
			p.ZipUpper(x, zero, half, neon.Halves)
			p.Mul(y[2*i+1], x, mult, minusZero)
		}
		p.Store(dst, y...)
	})
	p.Return()
}

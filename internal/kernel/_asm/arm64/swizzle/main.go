// Command swizzle generates the kernels that bring the scales of blocks into tiles
// of 128 rows by 4 columns, and back.
package main

import "github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"

// Both kernels work on four tiles side by side: 16 bytes of 128 rows, taken from
// each quarter of the rows at once.
const (
	tileBytes = 512
	quarter   = 32
)

func main() {
	neon.Generate(func(p *neon.Printer) {
		swizzle(p)
		unswizzle(p)
	})
}

func swizzle(p *neon.Printer) {
	p.Text("swizzleNEON", "dst *byte, src0 *byte, src1 *byte, src2 *byte, src3 *byte, stride int", "",
		"agrees with swizzleGeneric on 16 bytes of 128 rows; src0 to src3 are the rows 0, 32, 64 and 96, stride is the length of a row.")
	dst := p.Param("dst")
	src := []neon.R{p.Param("src0"), p.Param("src1"), p.Param("src2"), p.Param("src3")}
	stride, rows := p.Param("stride"), p.Int(quarter)
	x, y := p.Vs(4), p.Vs(4)
	p.Loop(rows, func() {
		for i, src := range src {
			p.LoadStride(src, stride, x[i])
		}
		transpose(p, x, y)
		for i, x := range x {
			p.StoreAt(dst, i*tileBytes, x)
		}
		p.AddInt(dst, 16)
	})
	p.Return()
}

func unswizzle(p *neon.Printer) {
	p.Text("unswizzleNEON", "dst0 *byte, dst1 *byte, dst2 *byte, dst3 *byte, src *byte, stride int", "",
		"agrees with unswizzleGeneric on 16 bytes of 128 rows; dst0 to dst3 are the rows 0, 32, 64 and 96, stride is the length of a row.")
	dst := []neon.R{p.Param("dst0"), p.Param("dst1"), p.Param("dst2"), p.Param("dst3")}
	src, stride, rows := p.Param("src"), p.Param("stride"), p.Int(quarter)
	x, y := p.Vs(4), p.Vs(4)
	p.Loop(rows, func() {
		for i, x := range x {
			p.LoadAt(src, i*tileBytes, x)
		}
		p.AddInt(src, 16)
		transpose(p, x, y)
		for i, dst := range dst {
			p.StoreStride(dst, stride, x[i])
		}
	})
	p.Return()
}

// transpose exchanges word j of x[i] and word i of x[j], and destroys y.
func transpose(p *neon.Printer, x, y []neon.V) {
	for i := range 2 {
		p.ZipLower(y[i], x[2*i], x[2*i+1], neon.Words)
		p.ZipUpper(y[i+2], x[2*i], x[2*i+1], neon.Words)
	}
	for i := range 2 {
		p.ZipLower(x[2*i], y[2*i], y[2*i+1], neon.Pairs)
		p.ZipUpper(x[2*i+1], y[2*i], y[2*i+1], neon.Pairs)
	}
}

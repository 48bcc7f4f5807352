// Command hadamard generates the Hadamard transform of blocks of 16 float32.
package main

import (
	"math/bits"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"
)

func main() {
	neon.Generate(func(p *neon.Printer) {
		p.Text("hadamardNEON", "dst *float32, x *float32, in *float32, out *uint32, groups int", "",
			"agrees with hadamardGeneric on blocks of 16, one or more; in and out are those of hadamardSigns.")
		dst, x, in, out, groups := p.Param("dst"), p.Param("x"), p.Param("in"), p.Param("out"), p.Param("groups")
		const one, minusOne = 0x3F80_0000, 0xBF80_0000
		signs := []neon.V{ // of the rows of the Hadamard matrix of order 4
			p.Table(one, one, one, one),
			p.Table(one, minusOne, one, minusOne),
			p.Table(one, one, minusOne, minusOne),
			p.Table(one, minusOne, minusOne, one),
		}
		minusZero := p.Const(1 << 31)
		quarter, flip := p.Vs(4), p.Vs(4)
		p.Load(in, quarter...)
		p.Load(out, flip...)
		v, t, sum := p.Vs(4), p.Vs(4), p.Vs(4)
		term := p.V()

		p.Loop(groups, func() {
			p.Load(x, v...)
			for i := range v {
				p.Mul(t[i], v[i], quarter[i], minusZero)
			}
			p.Xor(sum[0], sum[0], sum[0])
			for i := range 16 {
				// The sums of columns 4k to 4k+3 differ from row 4 or 8 on.
				switch i {
				case 4:
					p.Move(sum[1], sum[0])
				case 8:
					p.Move(sum[2], sum[0])
					p.Move(sum[3], sum[1])
				}
				p.Broadcast(term, t[i/4], i%4)
				for k := range 1 << bits.Len(uint(i/4)) {
					// sum += ±term·1, where the product is exact
					if bits.OnesCount(uint(i/4&k))%2 == 0 {
						p.AddProduct(sum[k], term, signs[i%4])
					} else {
						p.SubProduct(sum[k], term, signs[i%4])
					}
				}
			}
			for k := range sum {
				p.Xor(sum[k], sum[k], flip[k])
			}
			p.Store(dst, sum...)
		})
		p.Return()
	})
}

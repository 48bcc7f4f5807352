// Command ratio generates the kernels of importance ratios: log-ratios, their
// exponentials, and the sums over a block's tokens. A token's arithmetic is
// float32, and every operation is that of the generic twins.
package main

import "github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"

func main() {
	neon.Generate(func(p *neon.Printer) {
		logRatios(p)
		exponentials(p)
		spread(p)
		weigh(p, false)
		weigh(p, true)
		kept(p)
		filter(p, false)
		filter(p, true)
		bins(p)
		fill(p)
		invalid(p)
		keep(p)
	})
}

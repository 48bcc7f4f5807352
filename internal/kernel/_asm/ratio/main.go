// Command ratio generates the kernels of importance ratios: log-ratios, their
// exponentials, and the sums over a block's tokens. A token's arithmetic is
// float32, and every operation is that of the generic twins.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

func main() {
	ConstraintExpr("!purego")
	for _, v := range []vec.Level{vec.AVX2, vec.AVX512} {
		l := level{v}
		l.logRatios()
		l.exponentials()
		l.spread()
		l.weigh(false)
		l.weigh(true)
		l.kept()
		l.filter(false)
		l.filter(true)
		l.divide()
		l.fill()
	}
	invalid()
	keep()
	foldLanes()
	foldExtremes()
	Generate()
}

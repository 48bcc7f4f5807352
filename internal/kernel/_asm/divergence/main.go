// Command divergence generates the sums over a block of pairs of logits.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// The layout of internal/kernel: a block is rows terms for each lane, which add
// to as many sums as terms says.
const (
	lanes = 32
	rows  = 16
	terms = 7
)

func main() {
	ConstraintExpr("!purego")
	for _, l := range []vec.Level{vec.AVX2, vec.AVX512} {
		sums(l)
		addSums(l)
	}
	Generate()
}

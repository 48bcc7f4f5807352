// Command logits generates the two passes over a chunk of logits: its maximum,
// and the sums of its exponentials.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// The layout of internal/kernel: a block is rows terms for each lane.
const (
	lanes = 32
	rows  = 16
	block = rows * lanes
	chunk = 4096
)

func main() {
	ConstraintExpr("!purego")
	for _, l := range []vec.Level{vec.AVX2, vec.AVX512} {
		maximum(l)
		maximumBF16(l)
		add(l, float{})
		add(l, half{})
	}
	Generate()
}

// Correct is a trainer's use of trueup: log-probabilities in, weights and mask
// out. The README shows it.
package main

import (
	"fmt"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

func main() {
	layout, _ := rows.Ragged([]int64{0, 3, 7}) // two answers, of 3 and 4 tokens
	batch := mismatch.Batch{
		Layout:  layout,
		Trainer: []float32{-0.11, -1.20, -7.00, -0.50, -2.00, -0.30, -1.10}, // nats
		Rollout: []float32{-0.10, -1.25, 0.00, -2.10, -2.05, -0.30, -1.12},
		Mask:    []uint8{1, 1, 0, 1, 1, 1, 1}, // the third token is a tool's, not sampled
	}
	policy, _ := correction.Parse("token-tis:2, geo-mask:0.5..2")
	corrector, _ := correction.New(policy)
	w, keep := make([]float32, layout.Size()), make([]uint8, layout.Size())
	stats, err := corrector.Correct(w, keep, &batch) // token t's loss is worth w[t]·keep[t]
	fmt.Printf("%.2f %v %v\n", w, keep, err)
	fmt.Printf("k3 %.3f nats, ESS %.2f\n", stats.Mismatch().K3, stats.Effect().Weight.ESS())
}

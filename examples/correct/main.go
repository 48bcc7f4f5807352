// Correct shows the whole of a trainer's use of trueup: log-probabilities in,
// weights and mask out.
package main

import (
	"fmt"
	"log"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

func main() {
	log.SetFlags(0)
	// Two answers, of 3 and 4 tokens, one after the other. The third token of
	// the first is a tool's: it was not sampled, so it is masked.
	layout, err := rows.Ragged([]int64{0, 3, 7})
	if err != nil {
		log.Fatal(err)
	}
	batch := mismatch.Batch{
		Layout:  layout,
		Trainer: []float32{-0.11, -1.20, -7.00, -0.50, -2.00, -0.30, -1.10},
		Rollout: []float32{-0.10, -1.25, 0, -2.10, -2.05, -0.30, -1.12},
		Mask:    []uint8{1, 1, 0, 1, 1, 1, 1},
	}

	// Truncate each token's importance ratio at 2, and leave out answers whose
	// ratios' geometric mean is far from 1.
	policy, err := correction.Parse("token-tis:2, geo-mask:0.5..2")
	if err != nil {
		log.Fatal(err)
	}
	corrector, err := correction.New(policy)
	if err != nil {
		log.Fatal(err)
	}
	w, keep := make([]float32, layout.Size()), make([]uint8, layout.Size())
	stats, err := corrector.Correct(w, keep, &batch)
	if err != nil {
		log.Fatal(err)
	}

	fmt.Printf("weights %.2f\nkeep    %v\n", w, keep)
	m, e := stats.Mismatch(), stats.Effect()
	fmt.Printf("k3 %.3f nats per token, %d of %d tokens kept, ESS %.2f\n", m.K3, e.KeptTokens, e.Tokens, e.Weight.ESS())
}

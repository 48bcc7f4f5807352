package correction_test

import (
	"fmt"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

func Example() {
	// Two answers of 3 and 2 tokens; the trainer and the engine disagree on
	// the third token.
	layout, _ := rows.Ragged([]int64{0, 3, 5})
	batch := mismatch.Batch{
		Layout:  layout,
		Trainer: []float32{-0.11, -1.20, -0.50, -2.00, -0.30},
		Rollout: []float32{-0.10, -1.25, -2.10, -2.05, -0.30},
	}
	policy, _ := correction.Parse("token-tis:2, max-k3:2")
	c, _ := correction.New(policy)
	w, keep := make([]float32, 5), make([]uint8, 5)
	stats, err := c.Correct(w, keep, &batch)
	if err != nil {
		panic(err)
	}
	fmt.Printf("weights %.2f\nkeep    %v\n", w, keep)
	e := stats.Effect()
	fmt.Printf("kept %d of %d tokens, ESS %.2f\n", e.KeptTokens, e.Tokens, e.Weight.ESS())
	// Output:
	// weights [0.99 1.05 2.00 1.05 1.00]
	// keep    [0 0 0 1 1]
	// kept 2 of 5 tokens, ESS 0.40
}

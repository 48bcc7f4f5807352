package fp16_test

import (
	"fmt"

	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/fp16"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

// A trainer that runs in FP16 hands over its log-probabilities as they are.
func ExampleDecode() {
	half := []float16.Float16{float16.Fromfloat32(-0.1), float16.Fromfloat32(-2.5), float16.Fromfloat32(-1)}
	trainer := make([]float32, len(half))
	fp16.Decode(trainer, half)

	layout, _ := rows.Ragged([]int64{0, 3})
	policy, _ := correction.Parse("token-tis:2")
	c, _ := correction.New(policy)
	w := make([]float32, 3)
	_, err := c.Correct(w, nil, &mismatch.Batch{Layout: layout, Trainer: trainer, Rollout: []float32{-0.1, -2.4, -2}})
	fmt.Printf("%.2f %v\n", w, err)
	// Output: [1.00 0.90 2.00] <nil>
}

package logprob_test

import (
	"fmt"

	"github.com/trueup-rl/trueup/logprob"
)

func ExampleOf() {
	logits := []float32{2, 1, 0.5, -1}
	row := logprob.Of(logits, 1, 1/0.8) // at temperature 0.8
	fmt.Printf("log-probability %.5f, entropy %.5f\n", row.LogProb, row.Entropy)
	// Output: log-probability -1.63075, entropy 0.88223
}

// Two ranks hold half of the vocabulary each.
func ExamplePartial() {
	logits := []float32{2, 1, 0.5, -1}
	const token = 1
	p := logprob.PartialOf(logits[:2], 0, token, 1/0.8)
	wire, _ := p.MarshalBinary()

	q := logprob.PartialOf(logits[2:], 2, token, 1/0.8)
	var other logprob.Partial
	if err := other.UnmarshalBinary(wire); err != nil {
		panic(err)
	}
	q.Merge(&other)
	fmt.Printf("log-probability %.5f\n", q.Row().LogProb)
	// Output: log-probability -1.63075
}

func ExampleBetween() {
	rollout := []float32{2, 1, 0.5, -1}
	trainer := []float32{2, 1.25, 0.5, -1}
	d := logprob.Between(rollout, trainer, 1)
	fmt.Printf("KL %.6f, total variation %.6f\n", d.KL, d.TotalVariation)
	// Output: KL 0.005683, total variation 0.046445
}

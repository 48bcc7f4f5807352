package diagnose_test

import (
	"fmt"

	"github.com/trueup-rl/trueup/diagnose"
	"github.com/trueup-rl/trueup/internal/sample"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

// rollouts returns the embedded FP8 rows; yours come from the trainer.
func rollouts() (*mismatch.Batch, []int32) {
	set := sample.SmolLM2()
	first := 0
	for set.Precisions[set.Precision[first]] != "fp8_block128" {
		first++
	}
	layout, err := rows.Ragged(set.Offsets[first : first+97])
	if err != nil {
		panic(err)
	}
	return &mismatch.Batch{Layout: layout, Trainer: set.TrainerBF16, Rollout: set.Rollout}, set.Prompt[first:]
}

func ExampleProbe() {
	batch, prompts := rollouts()
	// The engine's column, one token late.
	late := *batch
	late.Rollout = append([]float32{-1}, batch.Rollout[:len(batch.Rollout)-1]...)

	fmt.Println(len(diagnose.Probe(batch, diagnose.Options{Prompt: prompts})), "findings")
	for _, f := range diagnose.Probe(&late, diagnose.Options{Prompt: prompts}) {
		fmt.Println(f)
		fmt.Println(f.Fix)
	}
	// Output:
	// 0 findings
	// shifted column in 96 rows (first 0): mean |d| as given = 2.44 nats, mean |d| with the rollout column moved by -1 = 0.166 nats (ln LR 2.05e+04, threshold 14.9)
	// Move the rollout column by -1: trainer token t is rollout token t+1. Logits at position t predict token t+1.
}

func ExampleAdvisor() {
	batch, prompts := rollouts()
	advisor, err := diagnose.NewAdvisor(nil)
	if err != nil {
		panic(err)
	}
	if err := advisor.Add(batch, prompts, nil); err != nil {
		panic(err)
	}
	advice := advisor.Advice(1)
	for _, c := range advice.Candidates {
		if text := c.Policy.String(); text == "token-tis:2" || text == "geo-mask:0.99..1.01" {
			fmt.Printf("%-20s bias %.3f ± %.3f, ESS %.2f, rejects %2.0f %%\n", text, c.Bias.Value, c.Bias.SE, c.ESS.Value, 100*c.Rejected)
		}
	}
	// Output:
	// token-tis:2          bias 0.003 ± 0.001, ESS 0.94, rejects  0 %
	// geo-mask:0.99..1.01  bias 0.454 ± 0.020, ESS 0.11, rejects 89 %
}

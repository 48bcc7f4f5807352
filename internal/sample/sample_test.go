package sample_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/trueup-rl/trueup/internal/sample"
)

func TestSmolLM2(t *testing.T) {
	r := sample.SmolLM2()
	assert.Len(t, r.Precisions, 7)
	assert.Len(t, r.Prompts, 24)
	assert.Equal(t, 672, r.Rows())
	assert.Len(t, r.Prompt, r.Rows())
	assert.Len(t, r.Reward, r.Rows())
	assert.Len(t, r.Offsets, r.Rows()+1)
	tokens := int(r.Offsets[r.Rows()])
	assert.Equal(t, 55900, tokens)
	assert.Len(t, r.Mask, tokens)
	for _, a := range [][]float32{r.Rollout, r.TrainerBF16, r.TrainerF32, r.Stale16, r.ExactKL, r.ExactChi2} {
		assert.Len(t, a, tokens)
	}
}

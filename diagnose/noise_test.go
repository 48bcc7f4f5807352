package diagnose_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/trueup-rl/trueup/diagnose"
	"github.com/trueup-rl/trueup/internal/sample"
	"github.com/trueup-rl/trueup/mismatch"
)

// of returns a column of the sample for the rows of one precision.
func of(precision string, column []float32) []float32 {
	set := sample.SmolLM2()
	var out []float32
	for i, k := range set.Precision {
		if set.Precisions[k] == precision {
			out = append(out, column[set.Offsets[i]:set.Offsets[i+1]]...)
		}
	}
	return out
}

// TestNoiseIsNotSignal: BF16 rollouts and the sixteen small optimizer steps are
// within what rounding does; every quantization is above it.
func TestNoiseIsNotSignal(t *testing.T) {
	set := sample.SmolLM2()
	for _, precision := range set.Precisions {
		p := real(t, precision, nil)
		o := p.Options
		assert.Equal(t, precision != "bf16", diagnose.NoiseOf(&p.Batch, o).Signal, precision)

		o.TrainerAgain = of(precision, set.TrainerF32)
		n := diagnose.NoiseOf(&p.Batch, o)
		assert.Equal(t, precision != "bf16", n.Signal, precision)
		assert.True(t, n.Measured)
		assert.InDelta(t, 1.1e-3, n.TrainerFloor, 4e-4, precision)

		stale := mismatch.Batch{Layout: p.Layout, Trainer: of(precision, set.Stale16), Rollout: p.Trainer}
		n = diagnose.NoiseOf(&stale, diagnose.Options{Prompt: p.Prompt, RolloutAgain: o.TrainerAgain})
		assert.False(t, n.Signal, precision)
		assert.Greater(t, n.K3, 1e-3, precision)
	}
}

func TestNoiseOfBothSides(t *testing.T) {
	p := real(t, "bf16", nil)
	o := p.Options
	o.TrainerAgain = of("bf16", sample.SmolLM2().TrainerF32)
	o.RolloutAgain = p.Rollout
	n := diagnose.NoiseOf(&p.Batch, o)
	assert.Zero(t, n.RolloutFloor)
	assert.InDelta(t, n.K3-n.TrainerFloor, n.Excess, 1e-12)
	assert.Positive(t, n.ExcessSE)
	assert.Equal(t, diagnose.Noise{}, diagnose.NoiseOf(new(mismatch.Batch), diagnose.Options{}))
}

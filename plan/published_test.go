package plan_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/plan"
)

// stages returns a fleet of single GPUs whose stages cost so many GPU-seconds.
func stages(gpus int, rollout, train float64) plan.Inputs {
	return plan.Inputs{
		GPUs: gpus, RankGPUs: 1, TrainGranuleGPUs: 1, RankConcurrency: 64, Batch: 64,
		OutputTokens: 1, RolloutRate: 64 / rollout, InOut: 0, TrainRate: 64 / train,
	}
}

// TestNeMoRL takes the rates of both stages from NeMo-RL v0.6's table for
// Qwen3-30B-A3B: a fleet one step off that waits for its trainer, and one eight
// steps off that waits for its engines. Each must be what it is said to be, and the
// fleet of 192 GPUs, split 64 and 128, could run 30 % faster.
func TestNeMoRL(t *testing.T) {
	const (
		tokens  = 2048 * 3206 // of a step
		rollout = tokens / (34.5 * 64)
		train   = 2048 * 3201 / (152 * 16.0)
	)
	assert.InDelta(t, 2973, rollout, 1)
	assert.InDelta(t, 2695, train, 1)
	in := plan.Inputs{
		GPUs: 192, RankGPUs: 1, TrainGranuleGPUs: 1, RankConcurrency: 64, Batch: 2048,
		OutputTokens: 3206, RolloutRate: rollout, TrainRate: train,
	}
	p, err := plan.Evaluate(in, plan.Split{Inference: 64, Train: 128})
	require.NoError(t, err)
	assert.InEpsilon(t, 34.5, p.StepSeconds, 1e-9)
	assert.Equal(t, plan.RolloutBound, p.Regime)
	p, err = plan.Evaluate(in, plan.Split{Inference: 16, Train: 16})
	require.NoError(t, err)
	assert.InEpsilon(t, 152, p.StepSeconds, 0.002)
	assert.Equal(t, plan.TrainerBound, p.Regime)

	s, err := plan.Solve(in)
	require.NoError(t, err)
	assert.InDelta(t, 1.10, s.Ideal.Ratio, 0.005)
	assert.InDelta(t, 24.2, s.Ideal.StepSeconds, 0.05)
	assert.Equal(t, plan.Split{Inference: 91, Train: 101}, s.Plan.Split)
	assert.InDelta(t, 0.30, 1-s.Plan.StepSeconds/34.5, 0.01)
}

// TestOverlapAlone: on 16 GB200 the same model took 221 s a step with all GPUs on
// each stage in turn, and 301 s with half of them on each. No split of GPUs that
// are already busy all the time is faster, and the plan must not promise one.
func TestOverlapAlone(t *testing.T) {
	const both = 221 * 16 // GPU-seconds
	for _, slower := range []float64{301 * 8, both - 301*8} {
		in := stages(16, slower, both-slower)
		p, err := plan.Evaluate(in, plan.Split{Inference: 8, Train: 8})
		require.NoError(t, err)
		assert.InEpsilon(t, 301, p.StepSeconds, 1e-9)
		for p := range plan.Splits(in) {
			assert.GreaterOrEqual(t, p.StepSeconds, 221.0)
		}
	}
}

// TestVerl compares with runs of verl's fully asynchronous trainer, for which the
// step, the wait for a batch and the work on it were published. The trainer's idle
// share is the wait, within the four hundredths that work outside both takes.
func TestVerl(t *testing.T) {
	for _, c := range []struct {
		name             string
		inference, train int
		step, wait, work float64
	}{
		{"7B, 32 and 32", 32, 32, 189, 28, 157},
		{"7B, 64 and 64", 64, 64, 151, 33, 113},
		{"30B-A3B, 96 and 32", 96, 32, 283, 22, 50 + 207},
		{"tools, 16 and 16", 16, 16, 221, 41, 180},
	} {
		// A wait means that the engines set the pace.
		in := stages(c.inference+c.train, c.step*float64(c.inference), c.work*float64(c.train))
		p, err := plan.Evaluate(in, plan.Split{Inference: c.inference, Train: c.train})
		require.NoError(t, err)
		assert.Equal(t, plan.RolloutBound, p.Regime, c.name)
		assert.InDelta(t, c.wait/c.step, p.BubbleTrain, 0.04, c.name)
	}
	// 8214 GPU-seconds of training, by the authors' account of the third.
	assert.InEpsilon(t, 8214, 32*(50+207), 0.002)
}

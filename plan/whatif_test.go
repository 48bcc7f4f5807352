package plan_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/plan"
)

// share returns a fleet cut finely whose engines have the given share of all
// GPU-seconds.
func share(f float64) plan.Inputs {
	return plan.Inputs{
		GPUs: 100_000, RankGPUs: 10, TrainGranuleGPUs: 10, RankConcurrency: 1, Batch: 100,
		OutputTokens: 1000, InOut: 0, RolloutRate: 1 / f, TrainRate: 1 / (1 - f),
	}
}

// TestRolloutSpeed compares with Amdahl's law.
func TestRolloutSpeed(t *testing.T) {
	k := []float64{2, 2.5, 3}
	for f, want := range map[float64][]float64{
		0.50: {1.33, 1.43, 1.50},
		0.75: {1.60, 1.82, 2.00},
		0.90: {1.82, 2.17, 2.50},
	} {
		for i := range k {
			c, err := plan.WhatIf(share(f), plan.RolloutSpeed(k[i]))
			require.NoError(t, err)
			assert.InDelta(t, want[i], c.Gain, 0.0051)
			assert.InDelta(t, 1/(1-f+f/k[i]), c.Gain, 0.002)
			assert.InDelta(t, 1, c.KeptGain, 1e-9, "without re-balancing nothing is gained")
			assert.Contains(t, c.String(), "NOTHING IS GAINED UNTIL THE SPLIT MOVES")
		}
	}
}

func TestWhatIfExampleA(t *testing.T) {
	c, err := plan.WhatIf(exampleA(), plan.RolloutSpeed(2.5))
	require.NoError(t, err)
	assert.Equal(t, 1.0, c.KeptGain)
	assert.InDelta(t, 74.67/47.41, c.Gain, 1e-3)
	assert.InDelta(t, 28.4, c.Kept.RolloutSeconds, 0.05)
	assert.Equal(t, "rollout ×2.5: gain 1.00 without moving a GPU, 1.57 with 96 inference and 160 train; "+
		"NOTHING IS GAINED UNTIL THE SPLIT MOVES", c.String())

	c, err = plan.WhatIf(exampleA(), plan.SyncTime(30))
	require.NoError(t, err)
	assert.Equal(t, 1.0, c.Gain)
	assert.InDelta(t, 30/c.Before.StepSeconds, c.After.Mean-c.Before.Mean, 1e-12)

	c, err = plan.WhatIf(exampleA(), plan.PauseTime(10))
	require.NoError(t, err)
	assert.Less(t, c.Gain, 1.0)
	assert.InDelta(t, 10, c.Kept.RolloutSeconds-c.Before.RolloutSeconds, 1e-12)

	c, err = plan.WhatIf(exampleA(), plan.Tails(plan.LogNormal(2)))
	require.NoError(t, err)
	assert.Equal(t, c.Before.Mean, c.After.Mean)
	assert.Greater(t, c.After.P99, 1.5*c.Before.P99)

	_, err = plan.WhatIf(exampleA(), plan.RolloutSpeed(math.NaN()))
	assert.ErrorIs(t, err, plan.ErrInput)
	assert.ErrorContains(t, err, "RolloutRate")
}

// TestInFlightUpdates compares with Monte Carlo figures for K/B = 4, cv 1 and a
// trainer that works four fifths of the time.
func TestInFlightUpdates(t *testing.T) {
	in := plan.Inputs{
		GPUs: 2, RankGPUs: 1, TrainGranuleGPUs: 1, RankConcurrency: 256, Batch: 64,
		OutputTokens: 1, RolloutRate: 64, TrainRate: 80,
	}
	c, err := plan.WhatIf(in, plan.InFlight(0))
	require.NoError(t, err)
	assert.InDelta(t, 8.80, c.Before.TokenMean, 0.01)
	assert.InDelta(t, 4.80, c.After.TokenMean, 0.01)
	assert.Equal(t, c.Before.Mean, c.After.Mean)
	assert.Equal(t, 5.0, c.After.Versions)
}

// TestGroups compares with simulated means of groups.
func TestGroups(t *testing.T) {
	in := plan.Inputs{
		GPUs: 2, RankGPUs: 1, TrainGranuleGPUs: 1, RankConcurrency: 256, Batch: 64,
		OutputTokens: 1, RolloutRate: 64, TrainRate: 80,
	}
	for group, want := range map[int]float64{1: 4.80, 8: 11.54, 16: 14.75} {
		in.Group = group
		s, err := plan.Solve(in)
		require.NoError(t, err)
		assert.InEpsilon(t, want, s.Plan.Mean, 0.02)
		terms := s.Plan.FromInFlight + s.Plan.FromGroup + s.Plan.FromTrain + s.Plan.FromQueue
		assert.InEpsilon(t, terms, s.Plan.Mean, 1e-12)
	}
}

// TestTokensOfGroups compares with integrals done by hand: for pairs of exponential
// durations, E[x·max(x, y)] = 9/4, and a token is sampled E[x²]/2 = 1 earlier.
func TestTokensOfGroups(t *testing.T) {
	in := plan.Inputs{
		GPUs: 2, RankGPUs: 1, TrainGranuleGPUs: 1, RankConcurrency: 256, Batch: 64, Group: 2,
		OutputTokens: 1, RolloutRate: 64, TrainRate: 80, Durations: plan.Exponential(),
	}
	c, err := plan.WhatIf(in, plan.InFlight(0))
	require.NoError(t, err)
	rest := 0.8 - 0.5/64
	assert.InDelta(t, 4*9/4+rest, c.Before.TokenMean, 1e-3)
	assert.InDelta(t, 4*5/4+rest, c.After.TokenMean, 1e-3)
	assert.InDelta(t, 4*3/2+rest, c.After.Mean, 1e-9)
}

func longTurns(turns float64) plan.Turns {
	return plan.Turns{
		Turns: turns, PromptTokens: 8000, TurnInTokens: 700, TurnOutTokens: 250, DecodeRate: 1300, PrefillRate: 20_000,
	}
}

// TestReprefill compares with a published table, to its digits.
func TestReprefill(t *testing.T) {
	hit := []float64{0.9, 0.5, 0}
	for _, c := range []struct {
		turns, inOut   float64
		extra, slowing []float64
	}{
		{10, 5.7, []float64{4.6, 23, 46}, []float64{0.82, 0.48, 0.31}},
		{50, 3.4, []float64{12, 62, 124}, []float64{0.60, 0.23, 0.13}},
		{100, 3.1, []float64{22, 110, 220}, []float64{0.46, 0.14, 0.08}},
		{200, 3.0, []float64{41, 205, 410}, []float64{0.31, 0.08, 0.04}},
	} {
		turns := longTurns(c.turns)
		require.NoError(t, turns.Check())
		assert.InDelta(t, c.inOut, turns.InOut(), 0.06)
		for i, h := range hit {
			assert.InEpsilon(t, c.extra[i], turns.Reprefill(h), 0.04, "%v turns, hit %v", c.turns, h)
			assert.InDelta(t, c.slowing[i], turns.RolloutRate(h)/turns.RolloutRate(1), 0.0051, "%v turns, hit %v", c.turns, h)
		}
	}
	turns := longTurns(100)
	assert.InDelta(t, 1-0.37, turns.RolloutRate(0.95)/turns.RolloutRate(1), 0.006)
}

// TestReprefillTurnByTurn sums what every turn of three trajectories prefills.
func TestReprefillTurnByTurn(t *testing.T) {
	turns := longTurns(0)
	var in, out, again float64
	for _, n := range []int{3, 8, 40} {
		turns.Turns += float64(n) / 3
		turns.SquaredTurns += float64(n*n) / 3
		context := 8000.0
		in += context
		for turn := range n {
			if turn > 0 {
				context += 250 + 700
				in += 700
				again += (1 - 0.8) * context
			}
			out += 250
		}
	}
	assert.InEpsilon(t, in/out, turns.InOut(), 1e-12)
	assert.InEpsilon(t, again/out, turns.Reprefill(0.8), 1e-12)
}

func TestHitRate(t *testing.T) {
	worse, err := plan.HitRate(longTurns(100), 1, 0.95)
	require.NoError(t, err)
	c, err := plan.WhatIf(exampleA(), worse)
	require.NoError(t, err)
	assert.Less(t, c.Gain, 0.8)
	assert.Greater(t, c.After.Inference, c.Before.Inference, "slower engines need more GPUs")

	for field, spoil := range map[string]func(*plan.Turns){
		"Turns.Turns":         func(t *plan.Turns) { t.Turns = 0.5 },
		"Turns.SquaredTurns":  func(t *plan.Turns) { t.SquaredTurns = 99 },
		"Turns.PromptTokens":  func(t *plan.Turns) { t.PromptTokens = -1 },
		"Turns.TurnInTokens":  func(t *plan.Turns) { t.TurnInTokens = math.NaN() },
		"Turns.TurnOutTokens": func(t *plan.Turns) { t.TurnOutTokens = 0 },
		"Turns.PromptShare":   func(t *plan.Turns) { t.PromptShare = -1 },
		"Turns.DecodeRate":    func(t *plan.Turns) { t.DecodeRate = math.Inf(1) },
		"Turns.PrefillRate":   func(t *plan.Turns) { t.PrefillRate = 0 },
	} {
		turns := longTurns(10)
		spoil(&turns)
		_, err := plan.HitRate(turns, 1, 0.5)
		require.ErrorIs(t, err, plan.ErrInput)
		assert.ErrorContains(t, err, field+" ")
	}
	_, err = plan.HitRate(longTurns(10), 1, 1.5)
	assert.ErrorIs(t, err, plan.ErrInput)
}

// TestDecompose takes a published sixfold speed-up apart.
func TestDecompose(t *testing.T) {
	d, err := plan.Decompose(share(0.75), plan.Split{}, 6, plan.RolloutSpeed(2.5), plan.TrainSpeed(1.5))
	require.NoError(t, err)
	assert.InDelta(t, 1.82, d.Factors[0].Gain, 0.005)
	assert.InDelta(t, 2.14, d.Explained, 0.005)
	assert.InDelta(t, 2.8, d.Residual, 0.005)
	assert.Equal(t, "6.00 = 1.82 (rollout ×2.5) × 1.18 (trainer ×1.5) × 2.80 (residual)", d.String())

	d, err = plan.Decompose(share(0.75), plan.Split{}, 6, plan.RolloutSpeed(2.5), plan.StepSpeed(1.5))
	require.NoError(t, err)
	assert.InDelta(t, 2.73, d.Explained, 0.005)
	assert.InDelta(t, 2.2, d.Residual, 0.005)

	d, err = plan.Decompose(share(0.9), plan.Split{}, 6, plan.RolloutSpeed(3), plan.TrainSpeed(1.5))
	require.NoError(t, err)
	assert.InDelta(t, 2.73, d.Explained, 0.006)

	// A fleet split in halves gains 1.5 by balance alone.
	d, err = plan.Decompose(share(0.75), plan.Split{Inference: 50_000, Train: 50_000}, 6)
	require.NoError(t, err)
	assert.Equal(t, "balance", d.Factors[0].Name)
	assert.InDelta(t, 1.5, d.Factors[0].Gain, 1e-9)
	assert.InDelta(t, 4, d.Residual, 1e-9)

	for _, total := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		_, err = plan.Decompose(share(0.5), plan.Split{}, total)
		assert.ErrorIs(t, err, plan.ErrInput)
	}
	_, err = plan.Decompose(share(0.5), plan.Split{Inference: 1}, 6)
	assert.ErrorIs(t, err, plan.ErrInput)
	_, err = plan.Decompose(share(0.5), plan.Split{}, 6, plan.RolloutSpeed(0))
	assert.ErrorIs(t, err, plan.ErrInput)
}

func ExampleWhatIf() {
	fleet := plan.Inputs{
		GPUs: 256, RankGPUs: 8, TrainGranuleGPUs: 16, RankConcurrency: 64,
		Batch: 512, OutputTokens: 20_000, InOut: 2.5,
		RolloutRate: 900, TrainRate: 5000,
	}
	c, err := plan.WhatIf(fleet, plan.RolloutSpeed(2.5))
	if err != nil {
		panic(err)
	}
	fmt.Println(c)
	// Output:
	// rollout ×2.5: gain 1.00 without moving a GPU, 1.57 with 96 inference and 160 train; NOTHING IS GAINED UNTIL THE SPLIT MOVES
}

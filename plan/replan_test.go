package plan_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/plan"
)

func replanner(t *testing.T, change func(*plan.ReplanConfig)) *plan.Replanner {
	c := plan.ReplanConfig{GPUs: 256, RankGPUs: 8, TrainGranuleGPUs: 16}
	if change != nil {
		change(&c)
	}
	r, err := plan.NewReplanner(c, plan.Split{Inference: 160, Train: 96})
	require.NoError(t, err)
	return r
}

// The GPU-seconds of example A.
const rolloutA, trainA = 512 * 20_000 / 900.0, 512 * 70_000 / 5000.0

// TestReplannerStays: noise around a split that fits moves nothing.
func TestReplannerStays(t *testing.T) {
	r := replanner(t, nil)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		_, moved, err := r.Observe(rolloutA*(0.8+0.4*rng.Float64()), trainA*(0.9+0.2*rng.Float64()))
		require.NoError(t, err)
		require.False(t, moved)
	}
	rollout, train := r.Average()
	assert.InEpsilon(t, rolloutA, rollout, 0.2)
	assert.InEpsilon(t, trainA, train, 0.2)
}

// TestReplannerFollows: engines that become 2.5 times as fast move the split close to
// the one that Solve finds, within a few half-lives, and then no more.
func TestReplannerFollows(t *testing.T) {
	r := replanner(t, nil)
	for range 50 {
		_, moved, _ := r.Observe(rolloutA, trainA)
		require.False(t, moved)
	}
	var moves []int
	for i := range 300 {
		s, moved, err := r.Observe(rolloutA/2.5, trainA)
		require.NoError(t, err)
		assert.Equal(t, s, r.Split())
		if moved {
			moves = append(moves, i)
		}
	}
	in := exampleA()
	in.RolloutRate *= 2.5
	best, err := plan.Solve(in)
	require.NoError(t, err)
	assert.InEpsilon(t, best.Plan.StepSeconds, max(rolloutA/2.5/float64(r.Split().Inference), trainA/float64(r.Split().Train)), 0.055, "the margin")
	require.NotEmpty(t, moves)
	assert.GreaterOrEqual(t, moves[0], 4, "patience")
	assert.Less(t, moves[0], 12)
	assert.LessOrEqual(t, len(moves), 3)
	assert.Less(t, moves[len(moves)-1], 60)
}

// TestReplannerDoesNotFlap: on the border between two splits it keeps to one.
func TestReplannerDoesNotFlap(t *testing.T) {
	r, err := plan.NewReplanner(plan.ReplanConfig{GPUs: 32, RankGPUs: 8, TrainGranuleGPUs: 8}, plan.Split{Inference: 16, Train: 16})
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(3, 4))
	moves := 0
	for range 10_000 {
		// 24 and 8 are as good as 16 and 16 where the stages' shares are 2 to 1.
		_, moved, err := r.Observe(2000*(0.9+0.2*rng.Float64()), 1000*(0.9+0.2*rng.Float64()))
		require.NoError(t, err)
		if moved {
			moves++
		}
	}
	assert.LessOrEqual(t, moves, 10) // without the margin 171
}

// TestReplannerWeighsCost: a move that does not pay is not made.
func TestReplannerWeighsCost(t *testing.T) {
	saved := trainA/96 - max(rolloutA/2.5/96, trainA/160) // seconds a step
	for _, c := range []struct {
		cost  float64
		moves bool
	}{{saved * 90, true}, {saved * 110, false}} {
		r := replanner(t, func(rc *plan.ReplanConfig) { rc.MoveSeconds = c.cost; rc.HalfLife = 1e-3 })
		ever := false
		for range 50 {
			_, moved, err := r.Observe(rolloutA/2.5, trainA)
			require.NoError(t, err)
			ever = ever || moved
		}
		assert.Equal(t, c.moves, ever)
	}
}

func TestReplannerFeasible(t *testing.T) {
	r := replanner(t, func(c *plan.ReplanConfig) {
		c.Feasible = func(s plan.Split) bool { return 512%(s.Train/16) == 0 }
	})
	for range 100 {
		_, _, err := r.Observe(rolloutA/2.5, trainA)
		require.NoError(t, err)
	}
	assert.Equal(t, 128, r.Split().Train)
}

func TestReplannerErrors(t *testing.T) {
	r := replanner(t, nil)
	for _, bad := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		_, moved, err := r.Observe(bad, 1)
		assert.ErrorIs(t, err, plan.ErrInput)
		assert.False(t, moved)
		_, _, err = r.Observe(1, bad)
		assert.ErrorIs(t, err, plan.ErrInput)
	}
	rollout, train := r.Average()
	assert.Zero(t, rollout+train)
	for _, spoil := range []func(*plan.ReplanConfig){
		func(c *plan.ReplanConfig) { c.GPUs = 0 },
		func(c *plan.ReplanConfig) { c.GPUs = 200 },
		func(c *plan.ReplanConfig) { c.HalfLife = -1 },
		func(c *plan.ReplanConfig) { c.Imbalance = math.NaN() },
		func(c *plan.ReplanConfig) { c.Patience = -1 },
		func(c *plan.ReplanConfig) { c.Margin = -1 },
		func(c *plan.ReplanConfig) { c.MoveSeconds = math.Inf(1) },
		func(c *plan.ReplanConfig) { c.HorizonSteps = -1 },
	} {
		c := plan.ReplanConfig{GPUs: 256, RankGPUs: 8, TrainGranuleGPUs: 16}
		spoil(&c)
		_, err := plan.NewReplanner(c, plan.Split{Inference: 160, Train: 96})
		assert.ErrorIs(t, err, plan.ErrInput)
	}
}

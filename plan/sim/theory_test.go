package sim_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/plan"
	"github.com/trueup-rl/trueup/plan/sim"
	"github.com/trueup-rl/trueup/queue"
)

func run(t testing.TB, c sim.Config) sim.Report {
	r, err := sim.Run(c)
	require.NoError(t, err)
	return r
}

// long skips a test that takes seconds.
func long(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
}

// free is a pipeline of step time 1 that nothing but its places for trajectories
// holds back.
func free(inFlight int, shape plan.Shape, trainSeconds float64) sim.Config {
	return sim.Config{
		Queue:    queue.Config{Batch: 64, MaxStaleness: sim.Ungated, Order: queue.Completion},
		InFlight: inFlight, RolloutSeconds: float64(inFlight) / 64, Rollout: shape,
		TrainSeconds: trainSeconds, Steps: 1200,
	}
}

// TestMeanStaleness compares with the closed form, and with the quantiles that
// another simulator found.
func TestMeanStaleness(t *testing.T) {
	for _, c := range []struct {
		inFlight        int
		cv, train, sync float64
		mean            float64
		p50, p95, p99   int
	}{
		{32, 1, 0.5, 0, 0.990, 1, 2, 3},
		{128, 0.5, 0.9, 0, 2.891, 3, 5, 6},
		{128, 1, 0.5, 0, 2.490, 2, 6, 10},
		{128, 1, 0.8, 0.5, 3.286, 3, 7, 11},
		{512, 0.5, 0.9, 0, 8.891, 8, 17, 23},
		{512, 1, 0.9, 0, 8.888, 7, 23, 41},
		{512, 2, 0.9, 0, 8.886, 4, 30, 70},
	} {
		config := free(c.inFlight, plan.LogNormal(c.cv), c.train)
		config.SyncSeconds = c.sync
		name := fmt.Sprintf("K %d, cv %v", c.inFlight, c.cv)
		var mean float64
		seeds := uint64(3)
		if testing.Short() {
			seeds = 1
		}
		for config.Seed = range seeds {
			r := run(t, config)
			mean += r.FirstToken.Mean() / float64(seeds)
			assert.InDelta(t, c.train/r.StepSeconds.Mean, r.TrainBusy, 1e-3, name)
			assert.InDelta(t, c.p50, r.FirstToken.Quantile(0.50), 1, name)
			assert.InDelta(t, c.p95, r.FirstToken.Quantile(0.95), 1, name)
			assert.InDelta(t, c.p99, r.FirstToken.Quantile(0.99), 1+0.06*float64(c.p99), name)
		}
		assert.InEpsilon(t, c.mean, mean, 0.02, name)
		assert.InEpsilon(t, planned(t, config).Mean, mean, 0.02, name)
	}
}

// planned returns the plan of a free pipeline.
func planned(t *testing.T, c sim.Config) plan.Plan {
	p, err := plan.Evaluate(plan.Inputs{
		GPUs: 2, RankGPUs: 1, TrainGranuleGPUs: 1, RankConcurrency: c.InFlight, Batch: 64, OutputTokens: 1, RolloutRate: 64,
		TrainRate: 64 / c.TrainSeconds, SyncSeconds: c.SyncSeconds, Durations: c.Rollout,
	}, plan.Split{Inference: 1, Train: 1})
	require.NoError(t, err)
	return p
}

// TestQuantiles compares the closed form's with simulated ones.
func TestQuantiles(t *testing.T) {
	long(t)
	for _, shape := range []plan.Shape{plan.LogNormal(0.5), plan.LogNormal(1), plan.Exponential(), plan.Weibull(0.8), plan.Pareto(1.5, 100)} {
		c := free(512, shape, 0.8)
		r, p := run(t, c), planned(t, c)
		assert.InDelta(t, p.P50, r.FirstToken.Quantile(0.50), 1, "%v", shape)
		assert.InDelta(t, p.P95, r.FirstToken.Quantile(0.95), 0.06*p.P95, "%v", shape)
		assert.InDelta(t, p.P99, r.FirstToken.Quantile(0.99), 0.06*p.P99, "%v", shape)
		assert.InEpsilon(t, p.TokenMean, r.TokenMean, 0.06, "%v", shape)
		assert.InEpsilon(t, p.Versions, r.Versions, 0.03, "%v", shape)
	}
}

// TestPhaseLocking: trajectories that all take equally long finish together, eight
// batches at once, of which the last waits for seven. The closed form, 8.5, does
// not know; it says so.
func TestPhaseLocking(t *testing.T) {
	c := free(512, plan.Constant(), 0.5)
	assert.Equal(t, 11.5, run(t, c).FirstToken.Mean())
	assert.True(t, planned(t, c).PhaseLocked)

	c.Rollout = plan.LogNormal(0.1) // a little variation suffices
	assert.InEpsilon(t, planned(t, c).Mean, run(t, c).FirstToken.Mean(), 0.02)
}

// TestTokenWeighted compares with Monte Carlo figures.
func TestTokenWeighted(t *testing.T) {
	long(t)
	var held, swapped float64
	const seeds = 4
	for seed := range uint64(seeds) {
		c := free(256, plan.LogNormal(1), 0.8)
		c.Seed = seed
		r := run(t, c)
		held += r.TokenMean / seeds
		swapped += r.TokenMeanInFlight / seeds
	}
	assert.InEpsilon(t, 8.80, held, 0.03)
	assert.InEpsilon(t, 4.80, swapped, 0.03)
}

// TestGroups compares with the closed form and with another simulator: a group
// waits for its slowest member.
func TestGroups(t *testing.T) {
	for group, want := range map[int]float64{1: 4.80, 8: 11.54, 16: 14.75} {
		c := free(512, plan.LogNormal(1), 0.8)
		c.RolloutSeconds = 4
		c.Queue.Batch, c.Queue.Group = 128/group, group
		r := run(t, c)
		assert.InEpsilon(t, want, r.Group.Mean(), 0.02)
		for _, updates := range []bool{false, true} {
			p, err := plan.Evaluate(plan.Inputs{
				GPUs: 2, RankGPUs: 1, TrainGranuleGPUs: 1, RankConcurrency: 512, Batch: 128, Group: group, OutputTokens: 1,
				RolloutRate: 128, TrainRate: 128 / 0.8, InFlightUpdates: updates,
			}, plan.Split{Inference: 1, Train: 1})
			require.NoError(t, err)
			got := r.TokenMean
			if updates {
				got = r.TokenMeanInFlight
			}
			assert.InEpsilon(t, p.TokenMean, got, 0.04)
			assert.InEpsilon(t, p.Mean, r.FirstToken.Mean(), 0.02)
			assert.InDelta(t, p.P50, r.Group.Quantile(0.50), 1)
			assert.InDelta(t, p.P95, r.Group.Quantile(0.95), 0.05*p.P95)
		}
	}
}

// TestPushCadence: weights that are pushed every m steps are (m−1)/2 older.
func TestPushCadence(t *testing.T) {
	long(t)
	c := free(256, plan.LogNormal(1), 0.8)
	every := run(t, c).FirstToken.Mean()
	c.PushEverySteps = 4
	assert.InDelta(t, every+1.5, run(t, c).FirstToken.Mean(), 0.03)
}

// TestPause: engines that stand still for a tenth of every step make it that much
// longer.
func TestPause(t *testing.T) {
	c := free(256, plan.LogNormal(0.5), 0.5)
	c.PauseSeconds = 0.1
	assert.InEpsilon(t, 1.1, run(t, c).StepSeconds.Mean, 0.01)
}

// TestEnvironment: the environment's time counts as the engine's does.
func TestEnvironment(t *testing.T) {
	c := free(256, plan.LogNormal(0.5), 0.5)
	c.RolloutSeconds, c.EnvSeconds, c.Env = 1, 3, plan.LogNormal(1.5)
	r := run(t, c)
	assert.InEpsilon(t, 1, r.StepSeconds.Mean, 0.02)
	assert.InEpsilon(t, planned(t, c).Mean, r.FirstToken.Mean(), 0.02)
}

// gated is a pipeline whose trajectories take two steps of the trainer, all started
// as the gate allows.
func gated(order queue.Order, gate, window int) sim.Config {
	c := sim.Config{
		Queue:          queue.Config{Batch: 64, MaxStaleness: gate, Order: order, Window: window},
		RolloutSeconds: 2, Rollout: plan.LogNormal(1), TrainSeconds: 1, Steps: 1200,
	}
	if order == queue.Window {
		c.Queue.MaxStaleness += (window - 1 + 63) / 64
	}
	return c
}

// TestGateSetsTheMean is Theorem 1: where all wait for the gate the mean staleness
// is the gate, for any shape of durations, and the greatest knows no bound.
func TestGateSetsTheMean(t *testing.T) {
	for gate, p99 := range map[int]int{1: 5, 2: 9, 4: 12, 8: 16} {
		r := run(t, gated(queue.Completion, gate, 0))
		assert.InDelta(t, gate, r.FirstToken.Mean(), 0.002)
		assert.InDelta(t, p99, r.FirstToken.Quantile(0.99), 1)
		assert.Greater(t, r.FirstToken.Max(), 4*gate)
	}
	for _, shape := range []plan.Shape{plan.Constant(), plan.Exponential(), plan.LogNormal(2), plan.Weibull(0.7), plan.Pareto(2, 100)} {
		for _, group := range []int{1, 4} {
			c := gated(queue.Completion, 3, 0)
			c.Rollout, c.Queue.Group, c.Steps = shape, group, 600
			c.Warmup = 200
			assert.InDelta(t, 3, run(t, c).Group.Mean(), 0.1, "%v", shape)
		}
	}
}

// TestInOrder is Theorem 2, with the step times of another simulator: taking
// strictly in order bounds the staleness and costs time.
func TestInOrder(t *testing.T) {
	long(t)
	for _, c := range []struct {
		gate               int
		ticket, completion float64
	}{{0, 11.8, 11.8}, {1, 6.5, 1.96}, {2, 4.7, 1.21}, {4, 3.1, 1}, {8, 2, 1}} {
		r := run(t, gated(queue.Ticket, c.gate, 0))
		assert.InEpsilon(t, c.ticket, r.StepSeconds.Mean, 0.05)
		assert.Equal(t, c.gate, r.FirstToken.Max())
		r = run(t, gated(queue.Completion, c.gate, 0))
		assert.InEpsilon(t, c.completion, r.StepSeconds.Mean, 0.03)
	}
}

// TestWindow is Theorem 3, S ≤ gate + ⌈(W−1)/B⌉ and tight, with another
// simulator's step times.
func TestWindow(t *testing.T) {
	for _, c := range []struct {
		gate, window, bound int
		step                float64
	}{{2, 192, 5, 2.66}, {2, 1, 2, 4.66}, {1, 256, 5, 2.82}, {4, 64, 5, 2.60}} {
		var step float64
		const seeds = 2
		for seed := range uint64(seeds) {
			config := gated(queue.Window, c.gate, c.window)
			config.Seed = seed
			r := run(t, config)
			assert.Equal(t, c.bound, r.FirstToken.Max())
			assert.InDelta(t, c.gate, r.FirstToken.Mean(), 0.002)
			assert.Zero(t, r.Violations)
			step += r.StepSeconds.Mean / seeds
		}
		assert.InEpsilon(t, c.step, step, 0.05)
	}
}

// TestWindowBoundHolds runs many small pipelines with windows that do and do not
// divide batches.
func TestWindowBoundHolds(t *testing.T) {
	seeds := uint64(100)
	if testing.Short() {
		seeds = 5
	}
	for _, gate := range []int{0, 1, 2, 4} {
		for _, window := range []int{1, 2, 7, 8, 9, 17, 40} {
			bound := gate + (window-1+7)/8
			greatest := 0
			for seed := range seeds {
				c := gated(queue.Window, gate, window)
				c.Seed, c.Steps = seed, 60
				c.Queue.Batch, c.Queue.MaxStaleness = 8, bound
				c.InFlight = int(seed % 3 * 16)
				c.Rollout = []plan.Shape{plan.LogNormal(1), plan.LogNormal(2), plan.Pareto(1.1, 1000)}[seed%3]
				r := run(t, c)
				require.LessOrEqual(t, r.FirstToken.Max(), bound, "gate %d, window %d, seed %d", gate, window, seed)
				greatest = max(greatest, r.FirstToken.Max())
			}
			if gate == 0 { // all that run are of the batch that is next
				bound = 0
			}
			assert.Equal(t, bound, greatest, "gate %d, window %d", gate, window)
		}
	}
}

// TestMonotone: on one workload a wider gate or window never makes steps longer.
func TestMonotone(t *testing.T) {
	long(t)
	step := func(order queue.Order, gate, window int) float64 {
		c := gated(order, gate, window)
		c.Steps = 200
		return run(t, c).StepSeconds.Mean
	}
	last := 1e9
	for _, gate := range []int{0, 1, 2, 3, 4, 6, 8} {
		step := step(queue.Ticket, gate, 0)
		assert.LessOrEqual(t, step, last)
		last = step
	}
	last = 1e9
	for _, window := range []int{1, 32, 64, 128, 256, 512} {
		step := step(queue.Window, 2, window)
		assert.LessOrEqual(t, step, last)
		last = step
	}
}

// TestDroppingIsBiased compares with another simulator: what is dropped as stale is
// what is long. There the gate was open; here it is the bound, which for 4 steps
// lets fewer start than there is room for, so that fewer are dropped.
func TestDroppingIsBiased(t *testing.T) {
	c := free(256, plan.LogNormal(1), 1.05)
	c.Queue.Violation = queue.Drop
	c.OutputTokens = 10_000

	c.Queue.MaxStaleness = 8
	r := run(t, c)
	assert.InDelta(t, 0.10, r.DiscardedShare, 0.01)
	assert.InDelta(t, 0.32, r.DiscardedWork, 0.02)
	assert.InDelta(t, 0.75, r.LengthBias, 0.02)
	assert.InDelta(t, 0.006, r.LongestTenth, 0.003)

	c.Queue.MaxStaleness = 4
	r = run(t, c)
	assert.InDelta(t, 0.20, r.DiscardedShare, 0.06)
	assert.InDelta(t, 0.50, r.DiscardedWork, 0.07)
	assert.InDelta(t, 0.63, r.LengthBias, 0.06)
	assert.Less(t, r.LongestTenth, 0.0005)

	c.Steps = 300
	c.Queue.Violation = queue.Block // takes all of them, and waits
	r = run(t, c)
	assert.Zero(t, r.Violations)
	assert.Equal(t, 1.0, r.LengthBias)
	assert.InDelta(t, 0.1, r.LongestTenth, 0.01)
	assert.LessOrEqual(t, r.FirstToken.Max(), 4)

	c.Queue.Violation = queue.Requeue
	r = run(t, c)
	assert.Less(t, r.LengthBias, 0.7)
}

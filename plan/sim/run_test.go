package sim_test

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/plan"
	"github.com/trueup-rl/trueup/plan/sim"
	"github.com/trueup-rl/trueup/queue"
)

// busy is a pipeline with everything in it.
func busy() sim.Config {
	return sim.Config{
		Seed: 7, Queue: queue.Config{Batch: 16, Group: 4, MaxStaleness: 5, Window: 20, Order: queue.Window},
		InFlight: 150, RolloutSeconds: 2, Rollout: plan.LogNormal(1), EnvSeconds: 1, Env: plan.Exponential(),
		TrainSeconds: 1, Train: plan.LogNormal(0.2), PushEverySteps: 2, SyncSeconds: 0.3, PauseSeconds: 0.1,
		OutputTokens: 5000, Steps: 200, Warmup: 30,
	}
}

func TestDeterministic(t *testing.T) {
	record := func(seed uint64) (sim.Report, []sim.Event) {
		var events []sim.Event
		c := busy()
		c.Seed = seed
		c.Observe = func(e sim.Event) { events = append(events, e) }
		return run(t, c), events
	}
	r1, e1 := record(7)
	r2, e2 := record(7)
	assert.Equal(t, r1, r2)
	assert.Equal(t, e1, e2)
	r3, _ := record(8)
	assert.NotEqual(t, r1.StepSeconds, r3.StepSeconds)
}

// TestEvents computes from the log of events what the report says, Little's law
// among it: what is in the pipeline, integrated over time, is the time that each
// trajectory spends in it.
func TestEvents(t *testing.T) {
	c := busy()
	type trajectory struct{ started, finished, taken float64 }
	groups := map[int64]*[4]trajectory{}
	var last, begin, end, area, running, waiting, training float64
	var inside, finished int
	works, version := false, int64(0)
	staleness := map[int64]int64{} // by group: version at its start, then its staleness
	var sum, n float64
	c.Observe = func(e sim.Event) {
		require.GreaterOrEqual(t, e.Seconds, last)
		d := e.Seconds - last
		if begin > 0 && end == 0 {
			area += d * float64(inside)
			waiting += d * float64(finished)
			running += d * float64(inside-finished)
			if works {
				training += d
			}
		}
		last = e.Seconds
		switch e.Kind {
		case sim.Started:
			if e.Member == 0 {
				groups[e.Group] = &[4]trajectory{}
				staleness[e.Group] = version
			}
			groups[e.Group][e.Member] = trajectory{started: e.Seconds, finished: math.Inf(1), taken: math.Inf(1)}
			inside++
			require.LessOrEqual(t, inside-finished, c.InFlight)
		case sim.Finished:
			groups[e.Group][e.Member].finished = e.Seconds
			finished++
		case sim.Taken:
			if e.Step == int64(c.Warmup) {
				begin = e.Seconds
			}
			if e.Step == int64(c.Warmup+c.Steps) {
				end = e.Seconds
			}
			for _, id := range e.Groups {
				for i := range groups[id] {
					groups[id][i].taken = e.Seconds
				}
				inside -= 4
				finished -= 4
				if begin > 0 && end == 0 {
					sum += float64(e.Step - staleness[id])
					n++
				}
			}
			works = true
		case sim.Stepped:
			works = false
		case sim.Published:
			version = e.Step
		}
	}
	r := run(t, c)
	seconds := end - begin
	assert.InEpsilon(t, seconds/float64(c.Steps), r.StepSeconds.Mean, 1e-12)
	assert.InEpsilon(t, running/seconds, r.InFlight, 1e-9)
	assert.InEpsilon(t, waiting/seconds, r.Waiting, 1e-9)
	assert.InEpsilon(t, training/seconds, r.TrainBusy, 1e-9)
	assert.InEpsilon(t, sum/n, r.Group.Mean(), 1e-12)

	var overlap, sojourn, taken float64
	for _, g := range groups {
		for _, x := range g {
			if x.started > 0 || !math.IsInf(x.finished, 1) { // the trajectory exists
				overlap += max(0, min(x.taken, end)-max(x.started, begin))
			}
			if begin <= x.taken && x.taken < end {
				sojourn += x.taken - x.started
				taken++
			}
		}
	}
	assert.InEpsilon(t, area, overlap, 1e-9)
	assert.InEpsilon(t, (r.InFlight+r.Waiting)*seconds, overlap, 1e-9)
	assert.InEpsilon(t, sojourn/taken, r.SojournSeconds, 1e-9)
	assert.Equal(t, int64(taken), r.FirstToken.Count())
}

// TestCommonRandomNumbers: another configuration meets the same workload.
func TestCommonRandomNumbers(t *testing.T) {
	durations := func(change func(*sim.Config)) map[[2]int64]float64 {
		started, took := map[[2]int64]float64{}, map[[2]int64]float64{}
		c := gated(queue.Completion, 2, 0)
		c.Steps = 20
		change(&c)
		c.Observe = func(e sim.Event) {
			switch key := [2]int64{e.Group, int64(e.Member)}; e.Kind {
			case sim.Started:
				started[key] = e.Seconds
			case sim.Finished:
				took[key] = e.Seconds - started[key]
			}
		}
		run(t, c)
		return took
	}
	one := durations(func(*sim.Config) {})
	other := durations(func(c *sim.Config) {
		c.Queue.Order, c.Queue.MaxStaleness, c.InFlight, c.TrainSeconds = queue.Ticket, 6, 200, 0.5
	})
	same := 0
	for key, d := range one {
		if o, ok := other[key]; ok {
			require.InDelta(t, d, o, 1e-9)
			same++
		}
	}
	assert.Greater(t, same, 1000)
}

// TestPlans simulates plans: step time, staleness and what binds must agree.
func TestPlans(t *testing.T) {
	in := plan.Inputs{
		GPUs: 256, RankGPUs: 8, TrainGranuleGPUs: 16, RankConcurrency: 64,
		Batch: 512, OutputTokens: 20_000, InOut: 2.5, RolloutRate: 1800, TrainRate: 5000, PauseSeconds: 2,
	}
	for _, gate := range []int{0, 4} {
		in.MaxStaleness = gate
		for _, s := range []plan.Split{{Inference: 80, Train: 176}, {Inference: 112, Train: 144}} {
			p, err := plan.Evaluate(in, s)
			require.NoError(t, err)
			c := sim.FromPlan(in, p)
			c.Steps = 150
			r := run(t, c)
			assert.InEpsilon(t, p.StepSeconds, r.StepSeconds.Mean, 0.015)
			assert.InEpsilon(t, p.TokensPerSecond, r.TokensPerSecond, 0.02)
			assert.InEpsilon(t, p.Mean, r.FirstToken.Mean(), 0.03)
			assert.InDelta(t, 1-p.BubbleTrain, r.TrainBusy, 0.015)
		}
	}
	in.MaxStaleness, in.TrajectorySeconds = 0, 500 // of the 86 s that the step takes, were it not for latency
	p, err := plan.Evaluate(in, plan.Split{Inference: 112, Train: 144})
	require.NoError(t, err)
	require.Equal(t, plan.LatencyBound, p.Regime)
	c := sim.FromPlan(in, p)
	c.PauseSeconds, c.Steps = 0, 100
	assert.InEpsilon(t, p.StepSeconds, run(t, c).StepSeconds.Mean, 0.02)
}

// TestMemory: what a run holds does not grow with its length.
func TestMemory(t *testing.T) {
	long(t)
	heap := func(steps int) uint64 {
		c := gated(queue.Window, 4, 256)
		c.Steps = steps
		var m runtime.MemStats
		c.Observe = func(e sim.Event) {
			if e.Kind == sim.Taken && e.Step == int64(steps) {
				runtime.GC()
				runtime.ReadMemStats(&m)
			}
		}
		run(t, c)
		return m.HeapAlloc
	}
	short := heap(100)
	assert.Less(t, heap(16_000), short+1<<20) // a million trajectories
}

// TestConfidence: nineteen of twenty intervals hold the true mean.
func TestConfidence(t *testing.T) {
	long(t)
	c := free(64, plan.Exponential(), 0.5)
	c.Steps = 100
	hit := 0
	const runs = 60
	for c.Seed = range uint64(runs) {
		if e := run(t, c).StepSeconds; math.Abs(e.Mean-1) <= e.HalfWidth {
			hit++
		}
	}
	assert.InDelta(t, 0.95*runs, hit, 8)
}

func TestImpossibleConfigurations(t *testing.T) {
	for field, spoil := range map[string]func(*sim.Config){
		"InFlight":       func(c *sim.Config) { c.InFlight = -1 },
		"PushEverySteps": func(c *sim.Config) { c.PushEverySteps = -1 },
		"Warmup":         func(c *sim.Config) { c.Warmup = -1 },
		"Steps":          func(c *sim.Config) { c.Steps = 19 },
		"RolloutSeconds": func(c *sim.Config) { c.RolloutSeconds = 0 },
		"EnvSeconds":     func(c *sim.Config) { c.EnvSeconds = math.NaN() },
		"TrainSeconds":   func(c *sim.Config) { c.TrainSeconds = -1 },
		"SyncSeconds":    func(c *sim.Config) { c.SyncSeconds = math.Inf(1) },
		"PauseSeconds":   func(c *sim.Config) { c.PauseSeconds = -1 },
		"OutputTokens":   func(c *sim.Config) { c.OutputTokens = -1 },
	} {
		c := busy()
		spoil(&c)
		_, err := sim.Run(c)
		require.ErrorIs(t, err, sim.ErrConfig, field)
		assert.ErrorContains(t, err, ": "+field+" is ")
	}
	c := busy()
	c.InFlight, c.Queue = 0, queue.Config{Batch: 1 << 15, MaxStaleness: sim.Ungated, Order: queue.Completion}
	_, err := sim.Run(c)
	assert.ErrorIs(t, err, sim.ErrConfig)
	c.Queue.Batch = 0
	_, err = sim.Run(c)
	assert.ErrorIs(t, err, queue.ErrConfig)
}

// TestStuck: weights that are pushed more rarely than the gate allows starts.
func TestStuck(t *testing.T) {
	c := gated(queue.Ticket, 1, 0)
	c.PushEverySteps = 3
	_, err := sim.Run(c)
	assert.ErrorIs(t, err, sim.ErrStuck)
}

// TestNothingButStale: trajectories that take longer than the bound allows are
// dropped one and all.
func TestNothingButStale(t *testing.T) {
	c := free(1000, plan.Constant(), 0.01)
	c.Queue = queue.Config{Batch: 1, Order: queue.Completion, Violation: queue.Drop, MaxStaleness: 3}
	c.RolloutSeconds, c.PushEverySteps = 1, 1
	c.Rollout = plan.LogNormal(1)
	_, err := sim.Run(c) // on the gate's terms there is always one in time
	assert.NoError(t, err)
}

func ExampleRun() {
	in := plan.Inputs{
		GPUs: 256, RankGPUs: 8, TrainGranuleGPUs: 16, RankConcurrency: 64,
		Batch: 512, OutputTokens: 20_000, InOut: 2.5,
		RolloutRate: 1800, TrainRate: 5000,
	}
	s, err := plan.Solve(in)
	if err != nil {
		panic(err)
	}
	c := sim.FromPlan(in, s.Plan)
	c.Steps = 100
	r, err := sim.Run(c)
	if err != nil {
		panic(err)
	}
	fmt.Printf("planned %.0f s a step, staleness %.1f\n", s.Plan.StepSeconds, s.Plan.Mean)
	fmt.Printf("simulated %.0f s, %.1f\n", r.StepSeconds.Mean, r.FirstToken.Mean())
	// Output:
	// planned 51 s a step, staleness 2.7
	// simulated 51 s, 2.7
}

func BenchmarkRun(b *testing.B) {
	for _, order := range []queue.Order{queue.Completion, queue.Window} {
		b.Run("order="+order.String(), func(b *testing.B) {
			c := gated(order, 4, map[queue.Order]int{queue.Window: 256}[order])
			c.Steps = 2000
			var n int64
			for b.Loop() {
				n += run(b, c).Trajectories
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "trajectories/s")
		})
	}
}

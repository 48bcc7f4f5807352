package plan_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/plan"
)

// exampleA is a fleet that samples long multi-turn work.
func exampleA() plan.Inputs {
	return plan.Inputs{
		GPUs: 256, RankGPUs: 8, TrainGranuleGPUs: 16, RankConcurrency: 64,
		Batch: 512, OutputTokens: 20_000, InOut: 2.5, RolloutRate: 900, TrainRate: 5000,
	}
}

// exampleB is one that samples long answers to short questions.
func exampleB() plan.Inputs {
	return plan.Inputs{
		GPUs: 128, RankGPUs: 1, TrainGranuleGPUs: 8, RankConcurrency: 128,
		Batch: 1024, OutputTokens: 8000, InOut: 0.1, RolloutRate: 2500, TrainRate: 9000,
	}
}

// TestExamples compares with tables that were worked out by hand, to the digits
// they give.
func TestExamples(t *testing.T) {
	for _, c := range []struct {
		name                   string
		in                     plan.Inputs
		rollout, train         float64 // times faster
		ratio, nRoll, nTrain   float64
		ideal                  float64
		inference, trainer     int
		idle                   int
		step                   float64
		inFlight               int
		overBatch, meanOrMinus float64
	}{
		{"A", exampleA(), 1, 1, 0.630, 157.1, 98.9, 72.4, 160, 96, 0, 74.7, 1280, 2.50, 3.50},
		{"A rollout ×2", exampleA(), 2, 1, 1.260, 113.3, 142.7, 50.2, 112, 144, 0, 50.8, 896, 1.75, 2.73},
		{"A rollout ×2.5", exampleA(), 2.5, 1, 1.575, 99.4, 156.6, 45.8, 96, 160, 0, 47.4, 768, 1.50, 2.44},
		{"A rollout ×3", exampleA(), 3, 1, 1.890, 88.6, 167.4, 42.8, 88, 160, 8, 44.8, 704, 1.38, 2.37},
		{"A train ×1.5", exampleA(), 1, 1.5, 0.420, 180.3, 75.7, 63.1, 176, 80, 0, 64.6, 1408, 2.75, 3.67},
		{"A rollout ×2.5, train ×1.5", exampleA(), 2.5, 1.5, 1.050, 124.9, 131.1, 36.4, 128, 128, 0, 37.3, 1024, 2, 3},
		{"B", exampleB(), 1, 1, 0.306, 98.0, 30.0, 33.4, 96, 32, 0, 34.1, 12288, 12, -1},
		{"B rollout ×2.5", exampleB(), 2.5, 1, 0.764, 72.6, 55.4, 18.1, 72, 56, 0, 18.2, 9216, 9, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.in.RolloutRate *= c.rollout
			c.in.TrainRate *= c.train
			s, err := plan.Solve(c.in)
			require.NoError(t, err)
			p := s.Plan
			assert.InDelta(t, c.ratio, s.Ideal.Ratio, 0.0006)
			assert.InDelta(t, c.nRoll, s.Ideal.Inference, 0.06)
			assert.InDelta(t, c.nTrain, s.Ideal.Train, 0.06)
			assert.InDelta(t, c.ideal, s.Ideal.StepSeconds, 0.06)
			assert.Equal(t, plan.Split{Inference: c.inference, Train: c.trainer, Idle: c.idle}, p.Split)
			assert.InDelta(t, c.step, p.StepSeconds, 0.051)
			assert.Equal(t, c.inFlight, p.InFlight)
			assert.InDelta(t, c.overBatch, p.FromInFlight, 0.0051)
			if c.meanOrMinus > 0 {
				assert.InDelta(t, c.meanOrMinus, p.Mean, 0.0051)
			}
			// No GPU-second is lost: the cluster's bubble is that of the ideal step.
			assert.InDelta(t, 1-s.Ideal.StepSeconds/p.StepSeconds, p.BubbleCluster, 1e-12)
			assert.InDelta(t, p.StepSeconds*p.TokensPerSecond, float64(c.in.Batch)*c.in.OutputTokens, 1e-3)
		})
	}
}

// TestBruteForce compares the best split with one found in the plainest way.
func TestBruteForce(t *testing.T) {
	in := exampleA()
	in.GPUs, in.RankGPUs, in.TrainGranuleGPUs = 61, 3, 4
	in.PauseSeconds, in.StallSeconds, in.PushEverySteps, in.TrajectorySeconds = 7, 3, 2, 400
	for _, rate := range []float64{90, 300, 900, 5000, 1e5} {
		in.RolloutRate = rate
		s, err := plan.Solve(in)
		require.NoError(t, err)
		best := math.Inf(1)
		for n := 3; n < in.GPUs; n += 3 {
			for m := 4; n+m <= in.GPUs; m += 4 {
				roll := 512*20_000/(float64(n)*rate) + 3.5
				train := 512*70_000/(float64(m)*5000) + 1.5
				latency := 512 * 400 / float64(n/3*64)
				best = min(best, max(roll, train, latency))
			}
		}
		assert.InEpsilon(t, best, s.Plan.StepSeconds, 1e-12)
		assert.LessOrEqual(t, s.Ideal.StepSeconds, best)
		w, u := 512*20_000/rate, 512*70_000/5000.0
		gpus := w/(s.Ideal.StepSeconds-3.5) + u/(s.Ideal.StepSeconds-1.5)
		assert.InEpsilon(t, 61, gpus, 1e-12)
	}
}

func TestRegimes(t *testing.T) {
	in := exampleA()
	p, err := plan.Evaluate(in, plan.Split{Inference: 160, Train: 96})
	require.NoError(t, err)
	assert.Equal(t, plan.TrainerBound, p.Regime)
	assert.InDelta(t, 74.67/71.11-1, p.Growth, 1e-4)
	assert.Zero(t, p.BubbleTrain)

	p, err = plan.Evaluate(in, plan.Split{Inference: 128, Train: 128})
	require.NoError(t, err)
	assert.Equal(t, plan.RolloutBound, p.Regime)
	assert.Zero(t, p.BubbleRollout)
	assert.Zero(t, p.Growth)

	in.TrajectorySeconds = 1000
	p, err = plan.Evaluate(in, plan.Split{Inference: 128, Train: 128})
	require.NoError(t, err)
	assert.Equal(t, plan.LatencyBound, p.Regime)
	assert.InDelta(t, 500, p.StepSeconds, 1e-9) // 512 trajectories of 1000 s, 1024 at a time
	assert.Greater(t, p.BubbleRollout, 0.8)
}

// TestGate compares with a simulation of rollouts that wait for the gate: their
// mean duration is twice the trainer's step.
func TestGate(t *testing.T) {
	in := plan.Inputs{
		GPUs: 2, RankGPUs: 1, TrainGranuleGPUs: 1, RankConcurrency: 640, Batch: 64,
		OutputTokens: 1, RolloutRate: 64 * 5, TrainRate: 64, Durations: plan.LogNormal(1),
	}
	for gate, p99 := range map[int]float64{4: 12, 8: 16} {
		in.MaxStaleness = gate
		p, err := plan.Evaluate(in, plan.Split{Inference: 1, Train: 1})
		require.NoError(t, err)
		assert.True(t, p.Gated)
		assert.Equal(t, float64(gate), p.Mean)
		assert.InDelta(t, p99, p.P99, 0.5)
		assert.Zero(t, p.Growth)
	}
}

// TestThrottled: a gate below what full throughput needs is pointed out.
func TestThrottled(t *testing.T) {
	in := exampleA()
	for gate, throttled := range map[int]bool{0: false, 2: true, 3: true, 4: false, 9: false} {
		in.MaxStaleness = gate
		s, err := plan.Solve(in)
		require.NoError(t, err)
		assert.Equal(t, throttled, s.Plan.Throttled, "gate %d", gate)
		assert.Equal(t, gate > 0, s.Plan.Gated, "the trainer is slower and a gate binds")
	}
}

func TestPareto(t *testing.T) {
	s, err := plan.Solve(exampleA())
	require.NoError(t, err)
	require.NotEmpty(t, s.Pareto)
	assert.Equal(t, s.Plan, s.Pareto[0])
	for i, p := range s.Pareto[1:] {
		before := s.Pareto[i]
		assert.Greater(t, p.StepSeconds, before.StepSeconds)
		assert.LessOrEqual(t, p.StepSeconds, 1.25*s.Plan.StepSeconds)
	}
}

func TestFeasible(t *testing.T) {
	in := exampleA()
	in.Feasible = func(s plan.Split) bool { return in.Batch%(s.Train/in.TrainGranuleGPUs) == 0 }
	s, err := plan.Solve(in)
	require.NoError(t, err)
	assert.Equal(t, 128, s.Plan.Train)

	in.Feasible = func(plan.Split) bool { return false }
	_, err = plan.Solve(in)
	assert.ErrorIs(t, err, plan.ErrInput)
	assert.ErrorContains(t, err, "Feasible")
}

func TestEffects(t *testing.T) {
	in := exampleA()
	in.SyncSeconds = 5
	s, err := plan.Solve(in)
	require.NoError(t, err)
	byName := map[string]plan.Effect{}
	for _, e := range s.Effects {
		byName[e.Input] = e
	}
	for _, name := range []string{
		"GPUs", "RankConcurrency", "Batch", "OutputTokens", "InOut", "RolloutRate", "TrainRate", "SyncSeconds", "Durations",
	} {
		require.Contains(t, byName, name)
	}
	// A tenth more output tokens is a tenth more of everything.
	assert.InEpsilon(t, 1.1*s.Plan.StepSeconds, byName["OutputTokens"].More.StepSeconds, 1e-12)
	// Amdahl: the engines have 61 % of the GPU-seconds.
	share := s.Ideal.Inference / 256
	assert.InEpsilon(t, s.Ideal.StepSeconds*(1-share+share/1.1), byName["RolloutRate"].More.IdealStepSeconds, 1e-12)
	assert.Less(t, byName["RankConcurrency"].Less.StalenessMean, s.Plan.Mean)
	assert.Equal(t, s.Plan.StepSeconds, byName["RankConcurrency"].Less.StepSeconds)
}

func TestImpossibleInputs(t *testing.T) {
	for field, spoil := range map[string]func(*plan.Inputs){
		"GPUs":                   func(in *plan.Inputs) { in.GPUs = 23 },
		"RankGPUs":               func(in *plan.Inputs) { in.RankGPUs = 0 },
		"TrainGranuleGPUs":       func(in *plan.Inputs) { in.TrainGranuleGPUs = -1 },
		"RankConcurrency":        func(in *plan.Inputs) { in.RankConcurrency = 0 },
		"Batch":                  func(in *plan.Inputs) { in.Batch = math.MaxInt32 },
		"Group":                  func(in *plan.Inputs) { in.Group = 7 },
		"OutputTokens":           func(in *plan.Inputs) { in.OutputTokens = 0 },
		"InOut":                  func(in *plan.Inputs) { in.InOut = math.NaN() },
		"RolloutRate":            func(in *plan.Inputs) { in.RolloutRate = math.Inf(1) },
		"TrainRate":              func(in *plan.Inputs) { in.TrainRate = -5000 },
		"ExtraRolloutGPUSeconds": func(in *plan.Inputs) { in.ExtraRolloutGPUSeconds = -1 },
		"ExtraTrainGPUSeconds":   func(in *plan.Inputs) { in.ExtraTrainGPUSeconds = math.Inf(1) },
		"PushEverySteps":         func(in *plan.Inputs) { in.PushEverySteps = -1 },
		"SyncSeconds":            func(in *plan.Inputs) { in.SyncSeconds = -1 },
		"PauseSeconds":           func(in *plan.Inputs) { in.PauseSeconds = math.NaN() },
		"StallSeconds":           func(in *plan.Inputs) { in.StallSeconds = -1 },
		"TrajectorySeconds":      func(in *plan.Inputs) { in.TrajectorySeconds = -1 },
		"MaxStaleness":           func(in *plan.Inputs) { in.MaxStaleness = -1 },
	} {
		in := exampleA()
		spoil(&in)
		_, err := plan.Solve(in)
		require.ErrorIs(t, err, plan.ErrInput, field)
		assert.Regexp(t, "^plan: invalid input: "+field+" ", err.Error())
	}
	for _, s := range []plan.Split{{Inference: 12, Train: 96}, {Inference: 8, Train: 8}, {Inference: 168, Train: 96}, {}} {
		_, err := plan.Evaluate(exampleA(), s)
		assert.ErrorIs(t, err, plan.ErrInput)
	}
}

// TestAlwaysFinite: whatever inputs pass Check give numbers.
func TestAlwaysFinite(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	real := func(low float64) float64 {
		return [...]float64{low, 1e-9, 1e-3, 1, 1e3, 1e9, 1e12}[rng.IntN(7)]
	}
	whole := func(low, most int) int { return [...]int{low, 1, 2, 7, 64, most}[rng.IntN(6)] }
	solved, tries := 0, 1000
	if testing.Short() {
		tries = 200
	}
	for range tries {
		in := plan.Inputs{
			GPUs: whole(9, 1024), RankGPUs: whole(1, 16), TrainGranuleGPUs: whole(1, 16), RankConcurrency: whole(1, 1<<13),
			Batch: whole(1, 1<<24), Group: whole(0, 2), PushEverySteps: whole(0, 1<<20), MaxStaleness: whole(0, 1<<15),
			OutputTokens: real(1e-9), InOut: real(0), RolloutRate: real(1e-9), TrainRate: real(1e-9),
			ExtraRolloutGPUSeconds: real(0), ExtraTrainGPUSeconds: real(0), SyncSeconds: real(0), PauseSeconds: real(0),
			StallSeconds: real(0), TrajectorySeconds: real(0), InFlightUpdates: rng.IntN(2) == 0,
			Durations: [...]plan.Shape{{}, plan.Constant(), plan.LogNormal(100), plan.Pareto(0.1, 1e9), plan.Weibull(0.2)}[rng.IntN(5)],
		}
		if in.Check() != nil {
			continue
		}
		s, err := plan.Solve(in)
		require.NoError(t, err)
		require.GreaterOrEqual(t, s.Plan.StepSeconds*(1+1e-9), s.Ideal.StepSeconds)
		_, err = json.Marshal(s) // refuses what is not finite
		require.NoError(t, err, "%+v", in)
		solved++
	}
	assert.Greater(t, solved, tries/7)
}

func ExampleSolve() {
	s, err := plan.Solve(plan.Inputs{
		GPUs: 256, RankGPUs: 8, TrainGranuleGPUs: 16, RankConcurrency: 64,
		Batch: 512, OutputTokens: 20_000, InOut: 2.5,
		RolloutRate: 900, TrainRate: 5000,
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(s.Plan.Split)
	fmt.Printf("%.1f s, %.1f at best; staleness %.2f, 95 %% below %.1f\n",
		s.Plan.StepSeconds, s.Ideal.StepSeconds, s.Plan.Mean, s.Plan.P95)
	// Output:
	// 160 inference, 96 train, 0 idle
	// 74.7 s, 72.4 at best; staleness 3.50, 95 % below 8.0
}

func BenchmarkSolve(b *testing.B) {
	in := exampleA()
	in.Group = 8
	for b.Loop() {
		if _, err := plan.Solve(in); err != nil {
			b.Fatal(err)
		}
	}
}

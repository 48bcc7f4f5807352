package plan

import (
	"fmt"
	"iter"
	"math"
	"slices"
)

// Split is how many GPUs each stage has.
type Split struct {
	Inference int `json:"n_inference"` // GPUs
	Train     int `json:"n_train"`     // GPUs
	Idle      int `json:"n_idle"`      // GPUs that neither granule fits
}

// String returns the split as text.
func (s Split) String() string {
	return fmt.Sprintf("%d inference, %d train, %d idle", s.Inference, s.Train, s.Idle)
}

// Regime is what a step waits for.
type Regime uint8

const (
	// RolloutBound: the engines are the slower stage.
	RolloutBound Regime = iota
	// TrainerBound: the trainer is, or both are equal.
	TrainerBound
	// LatencyBound: too few trajectories are in flight to keep either busy.
	LatencyBound
)

// String returns "rollout", "trainer" or "latency".
func (r Regime) String() string {
	return [...]string{"rollout", "trainer", "latency"}[r]
}

// MarshalText returns the regime's String.
func (r Regime) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Plan is what a split leads to, per optimizer step.
type Plan struct {
	Split

	StepSeconds    float64 `json:"step_seconds"`
	RolloutSeconds float64 `json:"rollout_seconds"` // of the engines, at full load
	TrainSeconds   float64 `json:"train_seconds"`   // of the trainer
	LatencySeconds float64 `json:"latency_seconds"` // below which latency keeps the step from falling
	Regime         Regime  `json:"regime"`

	TokensPerSecond float64 `json:"tokens_per_second"` // generated, by the whole fleet

	// Shares of a step that a stage stands idle: 1 − its seconds over the step's.
	BubbleRollout float64 `json:"bubble_rollout"`
	BubbleTrain   float64 `json:"bubble_train"`
	// BubbleCluster is the share of all GPU-seconds, those of GPUs left over
	// included, in which nothing is done.
	BubbleCluster float64 `json:"bubble_cluster"`

	InFlight int `json:"in_flight"` // trajectories

	Staleness
}

// Used returns the GPUs that either stage has.
func (p *Plan) Used() int { return p.Inference + p.Train }

// Ideal is the best split if GPUs could be cut to any size.
type Ideal struct {
	Ratio       float64 `json:"ratio"`        // training GPUs to one for inference
	Inference   float64 `json:"n_inference"`  // GPUs
	Train       float64 `json:"n_train"`      // GPUs
	StepSeconds float64 `json:"step_seconds"` // no split of the fleet has a shorter step
}

// Solution is the best split and what surrounds it.
type Solution struct {
	Plan  Plan  `json:"plan"`
	Ideal Ideal `json:"ideal"`
	// Pareto are the splits at most a quarter slower than the best than which none
	// is better in step time, GPUs used, mean staleness and its 95th percentile at
	// once, by step time.
	Pareto []Plan `json:"pareto"`
	// Effects tell what a change of each input by a tenth does.
	Effects []Effect `json:"effects"`
}

// Solve returns the split with the shortest step of all that the granules allow;
// of equals the one with fewer GPUs, then with fewer trajectories in flight. An
// error wraps ErrInput.
func Solve(in Inputs) (Solution, error) {
	if err := in.Check(); err != nil {
		return Solution{}, err
	}
	e := newEvaluator(in)
	best, err := e.best()
	if err != nil {
		return Solution{}, err
	}
	s := Solution{Plan: best, Ideal: e.ideal(), Effects: e.effects()}
	var near []Plan
	for p := range e.splits {
		if p.StepSeconds/best.StepSeconds <= 1.25 {
			near = append(near, p)
		}
	}
	slices.SortStableFunc(near, func(a, b Plan) int {
		if a.better(&b) {
			return -1
		}
		return 1
	})
	for _, p := range near { // nothing further on dominates
		if !slices.ContainsFunc(s.Pareto, func(o Plan) bool { return o.dominates(&p) }) {
			s.Pareto = append(s.Pareto, p)
		}
	}
	return s, nil
}

// better orders plans by step time, GPUs used and trajectories in flight.
func (p *Plan) better(o *Plan) bool {
	if p.StepSeconds != o.StepSeconds {
		return p.StepSeconds < o.StepSeconds
	}
	if p.Used() != o.Used() {
		return p.Used() < o.Used()
	}
	return p.InFlight < o.InFlight
}

// dominates reports whether p is nowhere worse than o and somewhere better.
func (p *Plan) dominates(o *Plan) bool {
	worse := p.StepSeconds > o.StepSeconds || p.Used() > o.Used() || p.Mean > o.Mean || p.P95 > o.P95
	better := p.StepSeconds < o.StepSeconds || p.Used() < o.Used() || p.Mean < o.Mean || p.P95 < o.P95
	return better && !worse
}

// Splits yields the plan of every feasible split, by its inference GPUs; for each
// number of ranks the trainer has as many granules as are left. Inputs that fail
// Check have none.
func Splits(in Inputs) iter.Seq[Plan] {
	return func(yield func(Plan) bool) {
		if in.Check() == nil {
			newEvaluator(in).splits(yield)
		}
	}
}

// Evaluate returns the plan of one split. An error, also for a split that does not
// consist of granules or exceeds the fleet, wraps ErrInput.
func Evaluate(in Inputs, s Split) (Plan, error) {
	if err := in.Check(); err != nil {
		return Plan{}, err
	}
	switch {
	case s.Inference < 1 || s.Inference%in.RankGPUs != 0:
		return Plan{}, fmt.Errorf("%w: Split.Inference is %d, not a multiple of RankGPUs, %d", ErrInput, s.Inference, in.RankGPUs)
	case s.Train < 1 || s.Train%in.TrainGranuleGPUs != 0:
		return Plan{}, fmt.Errorf("%w: Split.Train is %d, not a multiple of TrainGranuleGPUs, %d", ErrInput, s.Train, in.TrainGranuleGPUs)
	case s.Inference > in.GPUs-s.Train:
		return Plan{}, fmt.Errorf("%w: Split has %d + %d GPUs of %d", ErrInput, s.Inference, s.Train, in.GPUs)
	}
	s.Idle = in.GPUs - s.Inference - s.Train
	return newEvaluator(in).plan(s), nil
}

// evaluator is inputs that have passed Check, with what all splits have in common.
type evaluator struct {
	Inputs
	rollout, train float64 // GPU-seconds per step
	tails          tails
}

func newEvaluator(in Inputs) *evaluator {
	e := (&evaluator{}).with(in)
	e.tails = tailsOf(e.Durations, e.Group)
	return e
}

// with returns the evaluator of inputs whose durations and groups are the same.
func (e *evaluator) with(in Inputs) *evaluator {
	in = in.withDefaults()
	return &evaluator{in, in.rolloutGPUSeconds(), in.trainGPUSeconds(), e.tails}
}

// splits yields the plan of every feasible split.
func (e *evaluator) splits(yield func(Plan) bool) {
	for inference := e.RankGPUs; inference+e.TrainGranuleGPUs <= e.GPUs; inference += e.RankGPUs {
		left := e.GPUs - inference
		idle := left % e.TrainGranuleGPUs
		s := Split{Inference: inference, Train: left - idle, Idle: idle}
		if e.Feasible != nil && !e.Feasible(s) {
			continue
		}
		if !yield(e.plan(s)) {
			return
		}
	}
}

// best returns the best of all splits.
func (e *evaluator) best() (best Plan, err error) {
	found := false
	for p := range e.splits {
		if !found || p.better(&best) {
			best, found = p, true
		}
	}
	if !found {
		return Plan{}, fmt.Errorf("%w: Feasible accepts no split", ErrInput)
	}
	return best, nil
}

func (e *evaluator) plan(s Split) Plan {
	p := Plan{
		Split:          s,
		RolloutSeconds: e.rollout/float64(s.Inference) + e.pause(),
		TrainSeconds:   e.train/float64(s.Train) + e.stall(),
		InFlight:       s.Inference / e.RankGPUs * e.RankConcurrency,
	}
	p.LatencySeconds = float64(e.TrajectorySeconds*float64(e.Batch)) / float64(p.InFlight)
	p.StepSeconds = max(p.RolloutSeconds, p.TrainSeconds, p.LatencySeconds)
	switch p.StepSeconds {
	case p.TrainSeconds:
		p.Regime = TrainerBound
	case p.RolloutSeconds:
		p.Regime = RolloutBound
	default:
		p.Regime = LatencyBound
	}
	p.TokensPerSecond = float64(float64(e.Batch)*e.OutputTokens) / p.StepSeconds
	p.BubbleRollout = 1 - p.RolloutSeconds/p.StepSeconds
	p.BubbleTrain = 1 - p.TrainSeconds/p.StepSeconds
	busy := float64(float64(s.Inference)*p.RolloutSeconds) + float64(float64(s.Train)*p.TrainSeconds)
	p.BubbleCluster = 1 - busy/float64(float64(e.GPUs)*p.StepSeconds)
	p.Staleness = e.staleness(&p)
	return p
}

// ideal solves W/(τ−pause) + W′/(τ−stall) = GPUs for the step τ, W and W′ being
// the GPU-seconds of the stages.
func (e *evaluator) ideal() Ideal {
	w, u := e.rollout, e.train
	n, p, q := float64(e.GPUs), e.pause(), e.stall()
	var rollout, train float64 // τ−pause, τ−stall
	if p >= q {
		rollout, train = working(w/n, u/n, (p-q)/2)
	} else {
		train, rollout = working(u/n, w/n, (q-p)/2)
	}
	i := Ideal{StepSeconds: max(rollout+p, train+q), Inference: w / rollout, Train: u / train}
	i.Ratio = i.Train / i.Inference
	return i
}

// working solves w/a + u/b = 1 with b − a = 2d ≥ 0 for positive a and b. With h =
// (w+u)/2 and r² = (d−h)² + 2dw, b = h + d + r and a = h − d + r; where the latter
// would cancel, w·b/(b−u) is as good.
func working(w, u, d float64) (a, b float64) {
	h := (w + u) / 2
	r := math.Sqrt(float64((d-h)*(d-h)) + float64(2*d*w))
	b = h + d + r
	if d < h {
		return h - d + r, b
	}
	return w * b / (r + (d - h) + w), b
}

package plan

import (
	"fmt"
	"math"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// ReplanConfig says when a Replanner moves GPUs. Fields from HalfLife on have a
// meaning when they are 0.
type ReplanConfig struct {
	GPUs             int // to share out
	RankGPUs         int // of one inference rank
	TrainGranuleGPUs int // training takes a multiple

	HalfLife     float64 // of the moving averages, in steps; 0 is 8
	Imbalance    float64 // of the stages' times that is put up with; 0 is 0.1, a tenth
	Patience     int     // steps in a row that it must last; 0 is 5
	Margin       float64 // by which the slower stage's average may be too high; 0 is 0.05
	MoveSeconds  float64 // that a move takes
	HorizonSteps int     // in which it must pay for itself; 0 is 100

	Feasible func(Split) bool // if not nil, reports whether a split may be used
}

// Replanner follows the GPU-seconds that steps cost each stage, which do not depend
// on the split, and says when to move GPUs. All must hold at once: the times of the
// stages have differed by more than Imbalance for Patience steps in a row; the best
// split would be better also if the slower stage cost less than it seems, by
// Margin; and the seconds that it saves within the horizon outweigh those of the
// move. Neither noise nor rounding to granules moves GPUs to and fro.
type Replanner struct {
	config   ReplanConfig
	split    Split
	averages gpuSeconds // moving
	steps    int
	off      int // steps in a row
}

// NewReplanner returns a replanner of a fleet that is split like this. An error
// wraps ErrInput.
func NewReplanner(c ReplanConfig, s Split) (*Replanner, error) {
	in := Inputs{
		GPUs: c.GPUs, RankGPUs: c.RankGPUs, TrainGranuleGPUs: c.TrainGranuleGPUs,
		RankConcurrency: 1, Batch: 1, OutputTokens: 1, RolloutRate: 1, TrainRate: 1,
	}
	p, err := Evaluate(in, s)
	if err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name  string
		value float64
	}{
		{"HalfLife", c.HalfLife},
		{"Imbalance", c.Imbalance},
		{"Patience", float64(c.Patience)},
		{"Margin", c.Margin},
		{"MoveSeconds", c.MoveSeconds},
		{"HorizonSteps", float64(c.HorizonSteps)},
	} {
		if !(f.value >= 0 && f.value <= 1e12) {
			return nil, fmt.Errorf("%w: %s is %v, not between 0 and 1e12", ErrInput, f.name, f.value)
		}
	}
	setDefault(&c.HalfLife, 8)
	setDefault(&c.Imbalance, 0.1)
	setDefault(&c.Patience, 5)
	setDefault(&c.Margin, 0.05)
	setDefault(&c.HorizonSteps, 100)
	return &Replanner{config: c, split: p.Split}, nil
}

func setDefault[T int | float64](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Split returns the split that the replanner goes by.
func (r *Replanner) Split() Split { return r.split }

// Average returns the moving averages of the GPU-seconds of a step.
func (r *Replanner) Average() (rollout, train float64) { return r.averages.rollout, r.averages.train }

// Observe takes the GPU-seconds that a step kept each stage busy: GPUs times the
// seconds in which they worked and did not wait. If it is time to move, moved is
// true, and the split the one to move to, which the replanner goes by from then on.
// An error, for what is not positive and finite, wraps ErrInput; the step does not
// count then.
func (r *Replanner) Observe(rollout, train float64) (s Split, moved bool, err error) {
	for _, f := range []struct {
		name  string
		value float64
	}{{"rollout", rollout}, {"train", train}} {
		if !(f.value > 0 && f.value <= 1e15) {
			return r.split, false, fmt.Errorf("%w: %s GPU-seconds are %v, not positive", ErrInput, f.name, f.value)
		}
	}
	r.steps++
	// The plain mean until the moving one takes over.
	weight := max(1/float64(r.steps), -kernel.Expm1(-math.Ln2/r.config.HalfLife))
	r.averages.rollout += float64(weight * (rollout - r.averages.rollout))
	r.averages.train += float64(weight * (train - r.averages.train))

	if r.balanced() {
		r.off = 0
		return r.split, false, nil
	}
	if r.off++; r.off < r.config.Patience {
		return r.split, false, nil
	}
	w := r.averages
	best := r.best(w)
	saved := w.step(r.split) - w.step(best) // seconds
	if float64(saved*float64(r.config.HorizonSteps)) <= r.config.MoveSeconds {
		return r.split, false, nil
	}
	if rollout, train := w.times(r.split); rollout > train {
		w.rollout = float64(w.rollout * (1 - r.config.Margin))
	} else {
		w.train = float64(w.train * (1 - r.config.Margin))
	}
	if w.step(best) >= w.step(r.split) {
		return r.split, false, nil
	}
	r.split, r.off = best, 0
	return best, true, nil
}

// balanced reports whether neither stage takes longer than the other by Imbalance.
func (r *Replanner) balanced() bool {
	a, b := r.averages.times(r.split)
	return max(a/b, b/a) <= 1+r.config.Imbalance
}

// best returns the split with the shortest step.
func (r *Replanner) best(w gpuSeconds) Split {
	best, c := r.split, &r.config
	for n := c.RankGPUs; n+c.TrainGranuleGPUs <= c.GPUs; n += c.RankGPUs {
		idle := (c.GPUs - n) % c.TrainGranuleGPUs
		s := Split{Inference: n, Train: c.GPUs - n - idle, Idle: idle}
		if w.step(s) < w.step(best) && (c.Feasible == nil || c.Feasible(s)) {
			best = s
		}
	}
	return best
}

// gpuSeconds are what a step costs the stages.
type gpuSeconds struct{ rollout, train float64 }

// times returns the seconds that each stage takes on a split.
func (w gpuSeconds) times(s Split) (rollout, train float64) {
	return w.rollout / float64(s.Inference), w.train / float64(s.Train)
}

func (w gpuSeconds) step(s Split) float64 { return max(w.times(s)) }

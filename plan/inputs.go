package plan

import (
	"errors"
	"fmt"
)

// ErrInput is wrapped by the error for an input that is impossible, which names
// the field.
var ErrInput = errors.New("plan: invalid input")

// Inputs say what a fleet has to do and how fast its parts are. The rates are
// measured ones. Fields from Group on may be 0.
type Inputs struct {
	GPUs             int `json:"gpus"`               // to share out
	RankGPUs         int `json:"rank_gpus"`          // of one inference rank
	TrainGranuleGPUs int `json:"train_granule_gpus"` // training takes a multiple
	RankConcurrency  int `json:"rank_concurrency"`   // trajectories in flight on a rank, not on a GPU
	Batch            int `json:"batch"`              // trajectories that an optimizer step consumes

	OutputTokens float64 `json:"output_tokens"` // mean generated tokens of a trajectory
	// InOut is how many tokens of a trajectory were not generated, each counted
	// once however often it is prefilled, for one that was: input over output.
	InOut float64 `json:"in_out"`
	// RolloutRate is in output tokens per second and inference GPU, at saturation,
	// prefill included.
	RolloutRate float64 `json:"rollout_rate"`
	// TrainRate is in tokens per second and training GPU, of input and output, all
	// passes over them together.
	TrainRate float64 `json:"train_rate"`

	Group int `json:"group,omitempty"` // trajectories of a prompt; 0 is 1
	// GPU-seconds per step for other work of a stage: a reference model or a critic
	// beside the trainer, a reward model beside the engines.
	ExtraRolloutGPUSeconds float64 `json:"extra_rollout_gpu_seconds,omitempty"`
	ExtraTrainGPUSeconds   float64 `json:"extra_train_gpu_seconds,omitempty"`

	PushEverySteps int     `json:"push_every_steps,omitempty"` // optimizer steps; 0 is 1
	SyncSeconds    float64 `json:"sync_seconds,omitempty"`     // from the end of a step until engines hold its weights
	PauseSeconds   float64 `json:"pause_seconds,omitempty"`    // that engines stand still for a push
	StallSeconds   float64 `json:"stall_seconds,omitempty"`    // that the trainer stands still for a push

	// TrajectorySeconds is the mean time from start to finish of a trajectory, its
	// environment included, when the engines are not what it waits for. It bounds
	// throughput however many GPUs there are; 0 is no bound.
	TrajectorySeconds float64 `json:"trajectory_seconds,omitempty"`
	// Durations is the shape of the time from start to finish; the zero Shape is
	// LogNormal(1).
	Durations Shape `json:"durations"`
	// MaxStaleness is the gate of the queue between the stages in steps, as
	// queue.Config.Gate returns it; 0 is none.
	MaxStaleness int `json:"max_staleness,omitempty"`
	// InFlightUpdates says that trajectories go on with new weights as they arrive.
	InFlightUpdates bool `json:"in_flight_updates,omitempty"`

	// Feasible, if not nil, reports whether a split may be used: whether its data
	// parallel size divides the batch, its ranks fit the topology.
	Feasible func(Split) bool `json:"-"`
}

// Check returns an error that names the field that is impossible, and wraps
// ErrInput.
func (in *Inputs) Check() error {
	for _, f := range []struct {
		name              string
		value, from, upTo int
	}{
		{"GPUs", in.GPUs, 1, 1 << 17},
		{"RankGPUs", in.RankGPUs, 1, 1 << 17},
		{"TrainGranuleGPUs", in.TrainGranuleGPUs, 1, 1 << 17},
		{"RankConcurrency", in.RankConcurrency, 1, 1 << 13},
		{"Batch", in.Batch, 1, 1 << 24},
		{"Group", in.Group, 0, 1 << 15},
		{"PushEverySteps", in.PushEverySteps, 0, 1 << 20},
		{"MaxStaleness", in.MaxStaleness, 0, 1 << 15},
	} {
		if f.value < f.from || f.value > f.upTo {
			return fmt.Errorf("%w: %s is %d, not between %d and %d", ErrInput, f.name, f.value, f.from, f.upTo)
		}
	}
	for _, f := range []struct {
		name     string
		value    float64
		positive bool
	}{
		{"OutputTokens", in.OutputTokens, true},
		{"InOut", in.InOut, false},
		{"RolloutRate", in.RolloutRate, true},
		{"TrainRate", in.TrainRate, true},
		{"ExtraRolloutGPUSeconds", in.ExtraRolloutGPUSeconds, false},
		{"ExtraTrainGPUSeconds", in.ExtraTrainGPUSeconds, false},
		{"SyncSeconds", in.SyncSeconds, false},
		{"PauseSeconds", in.PauseSeconds, false},
		{"StallSeconds", in.StallSeconds, false},
		{"TrajectorySeconds", in.TrajectorySeconds, false},
	} {
		// Bounds so wide that only a slip lies outside, and no result overflows.
		switch {
		case f.positive && !(f.value >= 1e-9 && f.value <= 1e12):
			return fmt.Errorf("%w: %s is %v, not between 1e-9 and 1e12", ErrInput, f.name, f.value)
		case !f.positive && !(f.value >= 0 && f.value <= 1e12):
			return fmt.Errorf("%w: %s is %v, not between 0 and 1e12", ErrInput, f.name, f.value)
		}
	}
	switch {
	case in.Group > 0 && in.Batch%in.Group != 0:
		return fmt.Errorf("%w: Group is %d and does not divide Batch, %d", ErrInput, in.Group, in.Batch)
	case in.GPUs < in.RankGPUs+in.TrainGranuleGPUs:
		return fmt.Errorf("%w: GPUs is %d, fewer than RankGPUs, %d, and TrainGranuleGPUs, %d, together",
			ErrInput, in.GPUs, in.RankGPUs, in.TrainGranuleGPUs)
	}
	return nil
}

// withDefaults returns the inputs with everything filled in that may be 0.
func (in Inputs) withDefaults() Inputs {
	in.Group = max(1, in.Group)
	in.PushEverySteps = max(1, in.PushEverySteps)
	if in.Durations.IsZero() {
		in.Durations = LogNormal(1)
	}
	return in
}

// rolloutGPUSeconds returns the GPU-seconds a step costs the engines, pauses left
// out: W = B·L/s.
func (in *Inputs) rolloutGPUSeconds() float64 {
	return in.ExtraRolloutGPUSeconds + float64(float64(in.Batch)*in.OutputTokens)/in.RolloutRate
}

// trainGPUSeconds returns the GPU-seconds a step costs the trainer, stalls left
// out: W = B·L·(1+r)/s.
func (in *Inputs) trainGPUSeconds() float64 {
	return in.ExtraTrainGPUSeconds + float64(float64(in.Batch)*in.OutputTokens*(1+in.InOut))/in.TrainRate
}

// pause and stall return the seconds a step loses to pushes of weights.
func (in *Inputs) pause() float64 { return in.PauseSeconds / float64(in.PushEverySteps) }
func (in *Inputs) stall() float64 { return in.StallSeconds / float64(in.PushEverySteps) }

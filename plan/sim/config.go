package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/trueup-rl/trueup/plan"
	"github.com/trueup-rl/trueup/queue"
)

var (
	// ErrConfig is wrapped by the error for a configuration that makes no sense,
	// which names the field.
	ErrConfig = errors.New("sim: invalid configuration")
	// ErrStuck is wrapped by the error for a pipeline in which no batch ever fills.
	ErrStuck = errors.New("sim: the pipeline is stuck")
)

// Ungated is a queue.Config.MaxStaleness so large that its gate stays open.
const Ungated = 1 << 15

// Config describes a pipeline and how long to watch it. Shapes that are zero are
// constant.
type Config struct {
	Seed  uint64
	Queue queue.Config // in groups; MaxRunning and Now are not used
	// InFlight is how many trajectories run at a time at most; 0 leaves it to the
	// gate.
	InFlight int

	RolloutSeconds float64 // mean time of a trajectory in the engine
	Rollout        plan.Shape
	EnvSeconds     float64 // mean time of a trajectory in its environment
	Env            plan.Shape
	TrainSeconds   float64 // mean time of an optimizer step
	Train          plan.Shape

	PushEverySteps int     // optimizer steps to a push of weights; 0 is 1
	SyncSeconds    float64 // from the end of a step until engines hold its weights
	PauseSeconds   float64 // that trajectories stand still when weights arrive

	// OutputTokens is the mean length of a trajectory, proportional to its time in
	// the engine; 0 is 1000.
	OutputTokens float64

	Warmup int // steps before measuring; 0 is a tenth of Steps
	Steps  int // steps to measure, 20 at least

	// Observe, if not nil, is called for each event in the order of time.
	Observe func(Event) `json:"-"`
}

// EventKind is what happens.
type EventKind uint8

const (
	Started   EventKind = iota // a trajectory
	Finished                   // a trajectory
	Taken                      // a batch, by the trainer
	Stepped                    // the trainer is done with a batch
	Published                  // engines hold new weights
	Discarded                  // groups that were too stale
)

// Event is one thing that happens in a run.
type Event struct {
	Seconds float64
	Kind    EventKind
	Group   int64   // of a trajectory: its group's ticket
	Member  int     // of a trajectory: its place in the group
	Step    int64   // of Taken and Stepped: the batch; of Published: the version
	Groups  []int64 // of Taken: tickets
	Count   int     // of Discarded: groups
}

// FromPlan returns the pipeline that a plan for the given inputs describes, for a
// thousand steps, in the order of completion. Without a gate in the inputs there
// is none, and where the trainer binds the queue grows without end.
func FromPlan(in plan.Inputs, p plan.Plan) Config {
	group, push := max(1, in.Group), max(1, in.PushEverySteps)
	gate := in.MaxStaleness
	if gate == 0 {
		gate = Ungated
	}
	durations := in.Durations
	if durations.IsZero() {
		durations = plan.LogNormal(1)
	}
	// By Little's law: K trajectories, of which B finish in the time of a step.
	busy := p.RolloutSeconds - in.PauseSeconds/float64(push)
	seconds := float64(busy*float64(p.InFlight)) / float64(in.Batch)
	return Config{
		Queue:          queue.Config{Batch: in.Batch / group, Group: group, MaxStaleness: gate, Order: queue.Completion},
		InFlight:       p.InFlight,
		RolloutSeconds: max(seconds, in.TrajectorySeconds), Rollout: durations,
		TrainSeconds:   p.TrainSeconds,
		PushEverySteps: push, SyncSeconds: in.SyncSeconds, PauseSeconds: in.PauseSeconds,
		OutputTokens: in.OutputTokens,
		Steps:        1000,
	}
}

// Check returns an error that wraps ErrConfig or queue.ErrConfig.
func (c *Config) Check() error {
	if err := c.Queue.Check(); err != nil {
		return err
	}
	const most = 1 << 24 // trajectories and steps, so that memory suffices
	for _, f := range []struct {
		name        string
		value, from int
	}{
		{"InFlight", c.InFlight, 0},
		{"PushEverySteps", c.PushEverySteps, 0},
		{"Warmup", c.Warmup, 0},
		{"Steps", c.Steps, batches},
	} {
		if f.value < f.from || f.value > most {
			return fmt.Errorf("%w: %s is %d, not between %d and %d", ErrConfig, f.name, f.value, f.from, most)
		}
	}
	for _, f := range []struct {
		name     string
		value    float64
		positive bool
	}{
		{"RolloutSeconds", c.RolloutSeconds, true},
		{"EnvSeconds", c.EnvSeconds, false},
		{"TrainSeconds", c.TrainSeconds, false},
		{"SyncSeconds", c.SyncSeconds, false},
		{"PauseSeconds", c.PauseSeconds, false},
		{"OutputTokens", c.OutputTokens, false},
	} {
		if !(f.value >= 0 && f.value <= 1e12) || f.positive && f.value == 0 {
			return fmt.Errorf("%w: %s is %v, not between 0 and 1e12", ErrConfig, f.name, f.value)
		}
	}
	if c.InFlight == 0 && (c.Queue.Gate()+1)*c.Queue.Batch > most/max(1, c.Queue.Group) {
		return fmt.Errorf("%w: InFlight is 0, and the gate of the queue admits more than %d trajectories", ErrConfig, most)
	}
	return nil
}

func (c *Config) setDefaults() {
	c.Queue.Group = max(1, c.Queue.Group)
	c.Queue.MaxRunning = 0
	c.Queue.Now = func() time.Time { return time.Time{} } // nothing is ever overdue
	c.PushEverySteps = max(1, c.PushEverySteps)
	if c.OutputTokens == 0 {
		c.OutputTokens = 1000
	}
	if c.Warmup == 0 {
		c.Warmup = max(1, c.Steps/10)
	}
}

package plan

import (
	"fmt"
	"strconv"
	"strings"
)

// Change is something that may become of a fleet.
type Change struct {
	Name  string
	Apply func(*Inputs)
}

// RolloutSpeed has engines generate k times as fast, as in a lower precision.
func RolloutSpeed(k float64) Change {
	return Change{"rollout ×" + number(k), func(in *Inputs) { in.RolloutRate = float64(in.RolloutRate * k) }}
}

// TrainSpeed has the trainer run k times as fast.
func TrainSpeed(k float64) Change {
	return Change{"trainer ×" + number(k), func(in *Inputs) { in.TrainRate = float64(in.TrainRate * k) }}
}

// StepSpeed has both stages run k times as fast.
func StepSpeed(k float64) Change {
	return Change{"step ×" + number(k), func(in *Inputs) {
		in.RolloutRate = float64(in.RolloutRate * k)
		in.TrainRate = float64(in.TrainRate * k)
	}}
}

// SyncTime has weights take so many seconds from the end of a step to the engines.
func SyncTime(seconds float64) Change {
	return Change{"sync " + number(seconds) + " s", func(in *Inputs) { in.SyncSeconds = seconds }}
}

// PauseTime has engines stand still for so many seconds when weights arrive.
func PauseTime(seconds float64) Change {
	return Change{"pause " + number(seconds) + " s", func(in *Inputs) { in.PauseSeconds = seconds }}
}

// HitRate has engines find a share to of the prefixes of multi-turn trajectories,
// and not from, at which the rollout rate was measured.
func HitRate(t Turns, from, to float64) (Change, error) {
	if err := t.Check(); err != nil {
		return Change{}, err
	}
	for _, hit := range []float64{from, to} {
		if !(hit >= 0 && hit <= 1) {
			return Change{}, fmt.Errorf("%w: HitRate is %v, not between 0 and 1", ErrInput, hit)
		}
	}
	factor := t.RolloutRate(to) / t.RolloutRate(from)
	return Change{"hit rate " + number(float64(100*to)) + " %", func(in *Inputs) { in.RolloutRate = float64(in.RolloutRate * factor) }}, nil
}

// Tails gives the durations of trajectories another shape.
func Tails(s Shape) Change {
	return Change{"durations " + s.String(), func(in *Inputs) { in.Durations = s }}
}

// InFlight has trajectories go on with new weights as they arrive, after a pause
// of so many seconds.
func InFlight(pauseSeconds float64) Change {
	return Change{"in-flight updates", func(in *Inputs) { in.InFlightUpdates, in.PauseSeconds = true, pauseSeconds }}
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', 4, 64) }

// Comparison is a fleet before and after a change. Gains are how many times as
// many steps are made.
type Comparison struct {
	Name     string  `json:"name"`
	Before   Plan    `json:"before"`    // the best split
	Kept     Plan    `json:"kept"`      // the same split after the change
	After    Plan    `json:"after"`     // the best split after the change
	KeptGain float64 `json:"kept_gain"` // of Kept over Before
	Gain     float64 `json:"gain"`      // of After over Before
}

// WhatIf compares the best split with what it is after the changes, made in their
// order, and with the best split of then. An error wraps ErrInput.
func WhatIf(in Inputs, changes ...Change) (Comparison, error) {
	var c Comparison
	var err error
	if c.Before, err = best(in); err != nil {
		return Comparison{}, err
	}
	var names []string
	for _, change := range changes {
		change.Apply(&in)
		names = append(names, change.Name)
	}
	c.Name = strings.Join(names, ", ")
	if c.After, err = best(in); err != nil {
		return Comparison{}, fmt.Errorf("%s: %w", c.Name, err)
	}
	if c.Kept, err = Evaluate(in, c.Before.Split); err != nil {
		return Comparison{}, fmt.Errorf("%s: %w", c.Name, err)
	}
	c.KeptGain = c.Before.StepSeconds / c.Kept.StepSeconds
	c.Gain = c.Before.StepSeconds / c.After.StepSeconds
	return c, nil
}

func best(in Inputs) (Plan, error) {
	if err := in.Check(); err != nil {
		return Plan{}, err
	}
	return newEvaluator(in).best()
}

// String returns the comparison in a sentence.
func (c Comparison) String() string {
	if c.After.Split == c.Before.Split {
		return fmt.Sprintf("%s: gain %.2f, the split stays", c.Name, c.Gain)
	}
	text := fmt.Sprintf("%s: gain %.2f without moving a GPU, %.2f with %d inference and %d train",
		c.Name, c.KeptGain, c.Gain, c.After.Inference, c.After.Train)
	if c.KeptGain < 1.005 && c.Gain >= 1.005 {
		text += "; NOTHING IS GAINED UNTIL THE SPLIT MOVES"
	}
	return text
}

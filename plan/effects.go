package plan

import "math"

// Effect is what becomes of the best split if an input is a tenth less, and a
// tenth more. Whole numbers change by one at least.
type Effect struct {
	Input string  `json:"input"` // the field of Inputs
	Less  Outcome `json:"less"`
	More  Outcome `json:"more"`
}

// Outcome is a plan in brief. It is the zero Outcome where the changed input is
// impossible.
type Outcome struct {
	Split
	StepSeconds      float64 `json:"step_seconds"`
	IdealStepSeconds float64 `json:"ideal_step_seconds"`
	StalenessMean    float64 `json:"staleness_mean"`
	StalenessP95     float64 `json:"staleness_p95"`
}

func (e *evaluator) effects() []Effect {
	in := e.Inputs
	var list []Effect
	vary := func(name string, change func(in *Inputs, factor float64)) {
		outcome := func(factor float64) Outcome {
			changed := in
			change(&changed, factor)
			if changed.Check() != nil {
				return Outcome{}
			}
			e := e.with(changed)
			if name == "Durations" {
				e.tails = tailsOf(e.Durations, e.Group)
			}
			p, err := e.best()
			if err != nil {
				return Outcome{}
			}
			return Outcome{p.Split, p.StepSeconds, e.ideal().StepSeconds, p.Mean, p.P95}
		}
		list = append(list, Effect{name, outcome(0.9), outcome(1.1)})
	}
	real := func(name string, field func(*Inputs) *float64) {
		if *field(&in) > 0 {
			vary(name, func(in *Inputs, factor float64) { *field(in) = float64(*field(in) * factor) })
		}
	}
	whole := func(name string, unit int, field func(*Inputs) *int) {
		vary(name, func(in *Inputs, factor float64) {
			v := field(in)
			step := max(1, int(math.Round(math.Abs(factor-1)*float64(*v)/float64(unit)))) * unit
			if factor < 1 {
				step = -step
			}
			*v += step
		})
	}
	whole("GPUs", 1, func(in *Inputs) *int { return &in.GPUs })
	whole("RankConcurrency", 1, func(in *Inputs) *int { return &in.RankConcurrency })
	whole("Batch", in.Group, func(in *Inputs) *int { return &in.Batch })
	real("OutputTokens", func(in *Inputs) *float64 { return &in.OutputTokens })
	real("InOut", func(in *Inputs) *float64 { return &in.InOut })
	real("RolloutRate", func(in *Inputs) *float64 { return &in.RolloutRate })
	real("TrainRate", func(in *Inputs) *float64 { return &in.TrainRate })
	real("ExtraRolloutGPUSeconds", func(in *Inputs) *float64 { return &in.ExtraRolloutGPUSeconds })
	real("ExtraTrainGPUSeconds", func(in *Inputs) *float64 { return &in.ExtraTrainGPUSeconds })
	real("SyncSeconds", func(in *Inputs) *float64 { return &in.SyncSeconds })
	real("PauseSeconds", func(in *Inputs) *float64 { return &in.PauseSeconds })
	real("StallSeconds", func(in *Inputs) *float64 { return &in.StallSeconds })
	real("TrajectorySeconds", func(in *Inputs) *float64 { return &in.TrajectorySeconds })
	if in.Durations.kind == logNormal {
		vary("Durations", func(in *Inputs, factor float64) {
			in.Durations = LogNormal(min(100, float64(in.Durations.cv*factor)))
		})
	}
	return list
}

// Package planreport makes the report of a fleet's plan: text, JSON and a page.
package planreport

import (
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/trueup-rl/trueup/plan"
	"github.com/trueup-rl/trueup/plan/sim"
	"github.com/trueup-rl/trueup/queue"
)

// Options say what to report beside the plan.
type Options struct {
	Split   plan.Split // in use now; the zero Split if none is
	Changes []plan.Change
	Claim   float64 // a speed-up to take apart into Changes; 0 if none
	// Steps is how many to simulate; 0 simulates nothing.
	Steps     int
	Seed      uint64
	Order     queue.Order
	Window    int // groups
	Violation queue.Violation
	Timeline  bool // record one
}

// Report is what there is to say about a fleet. Its first fields, those of the
// plan, are those of the best split.
type Report struct {
	plan.Plan
	Inputs       plan.Inputs         `json:"inputs"`
	Ideal        plan.Ideal          `json:"ideal"`
	Current      *plan.Plan          `json:"current,omitempty"`
	Alternatives []plan.Plan         `json:"alternatives"`
	Effects      []plan.Effect       `json:"effects"`
	WhatIfs      []plan.Comparison   `json:"what_ifs,omitempty"`
	Claim        *plan.Decomposition `json:"claim,omitempty"`
	Simulation   *Simulation         `json:"simulation,omitempty"`

	timeline *recorder
}

// Simulation is a simulated plan.
type Simulation struct {
	Gate int `json:"gate"` // in steps; −1 if there is none
	sim.Report

	plan plan.Plan // what the formula says with that gate
}

// New returns the report of a fleet.
func New(in plan.Inputs, o Options) (*Report, error) {
	s, err := plan.Solve(in)
	if err != nil {
		return nil, err
	}
	r := &Report{Plan: s.Plan, Inputs: in, Ideal: s.Ideal, Alternatives: s.Pareto, Effects: s.Effects}
	if o.Split != (plan.Split{}) {
		p, err := plan.Evaluate(in, o.Split)
		if err != nil {
			return nil, err
		}
		r.Current = &p
	}
	for _, c := range o.Changes {
		w, err := plan.WhatIf(in, c)
		if err != nil {
			return nil, err
		}
		r.WhatIfs = append(r.WhatIfs, w)
	}
	if o.Claim != 0 {
		d, err := plan.Decompose(in, o.Split, o.Claim, o.Changes...)
		if err != nil {
			return nil, err
		}
		r.Claim = &d
	}
	if o.Steps > 0 {
		if err := r.simulate(o); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// boundedBy returns a gate that costs no time to speak of.
func (r *Report) boundedBy() int { return int(math.Ceil(r.Mean)) }

// simulate runs the best split. Engines that outrun a trainer fill any queue, so
// that a plan without a gate gets one just above the staleness it starts with.
func (r *Report) simulate(o Options) error {
	in := r.Inputs
	if in.MaxStaleness == 0 && (r.Growth > 0 || o.Order == queue.Ticket || o.Order == queue.Window || o.Violation != queue.Admit) {
		in.MaxStaleness = r.boundedBy()
	}
	p, err := plan.Evaluate(in, r.Split)
	if err != nil {
		return err
	}
	c := sim.FromPlan(in, p)
	c.Seed, c.Steps = o.Seed, o.Steps
	c.Queue.Order, c.Queue.Window, c.Queue.Violation = o.Order, o.Window, o.Violation
	if o.Order == queue.Window { // the gate is as given, the bound follows
		c.Queue.MaxStaleness += (max(1, o.Window) - 1 + c.Queue.Batch - 1) / c.Queue.Batch
	}
	if o.Timeline {
		r.timeline = newRecorder(&c, r.StepSeconds)
		c.Observe = r.timeline.observe
	}
	report, err := sim.Run(c)
	if err != nil {
		return err
	}
	r.Simulation = &Simulation{Gate: in.MaxStaleness, Report: report, plan: p}
	if in.MaxStaleness == 0 {
		r.Simulation.Gate = -1
	}
	return nil
}

// WriteJSON writes the report as JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", data)
	return err
}

package planreport

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/trueup-rl/trueup/plan"
)

// WriteText writes the report as text.
func (r *Report) WriteText(w io.Writer) error {
	var b bytes.Buffer
	r.writeSplits(&b)
	r.writeStaleness(&b)
	r.writeWhatIfs(&b)
	r.writeEffects(&b)
	r.writeSimulation(&b)
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// columns are written under each other, aligned to the right.
type columns struct{ *tabwriter.Writer }

func newColumns(w io.Writer, heads ...string) columns {
	c := columns{tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)}
	c.row(heads...)
	return c
}

func (c columns) row(cells ...string) { fmt.Fprintln(c, strings.Join(cells, "\t")+"\t") }

func (r *Report) writeSplits(w io.Writer) {
	fmt.Fprintf(w, "%d GPUs, ranks of %d, trainer in steps of %d; ideally %.1f inference and %.1f train, %.1f s a step\n\n",
		r.Inputs.GPUs, r.Inputs.RankGPUs, r.Inputs.TrainGranuleGPUs, r.Ideal.Inference, r.Ideal.Train, r.Ideal.StepSeconds)
	c := newColumns(w, "", "inference", "train", "idle", "step s", "tokens/s", "bound by", "rollout idle", "trainer idle", "in flight", "staleness", "p95", "p99")
	row := func(p plan.Plan, note string) {
		c.row(note, fmt.Sprint(p.Inference), fmt.Sprint(p.Train), fmt.Sprint(p.Idle), fixed(p.StepSeconds), fmt.Sprintf("%.0f", p.TokensPerSecond),
			p.Regime.String(), percent(p.BubbleRollout), percent(p.BubbleTrain), fmt.Sprint(p.InFlight),
			fmt.Sprintf("%.2f", p.Mean), fmt.Sprintf("%.1f", p.P95), fmt.Sprintf("%.1f", p.P99))
	}
	for i, p := range r.Shown() {
		note := ""
		if i == 0 {
			note = "best"
		}
		row(p, note)
	}
	if r.Current != nil {
		row(*r.Current, "now")
	}
	c.Flush()
	if r.Current != nil && r.Current.Split != r.Split {
		fmt.Fprintf(w, "\nMoving from %d and %d makes %.2f times as many steps.\n",
			r.Current.Inference, r.Current.Train, r.Current.StepSeconds/r.StepSeconds)
	}
}

// Shown returns the alternatives that a reader has the patience for, the best among
// them.
func (r *Report) Shown() []plan.Plan {
	const most = 8
	every := (len(r.Alternatives) + most - 1) / most
	var shown []plan.Plan
	for i := 0; i < len(r.Alternatives); i += every {
		shown = append(shown, r.Alternatives[i])
	}
	return shown
}

func (r *Report) writeStaleness(w io.Writer) {
	s := &r.Staleness
	fmt.Fprintf(w, "\nStaleness of the best split, in steps: mean %.2f", s.Mean)
	if s.Gated {
		fmt.Fprintf(w, ", the gate")
	} else {
		fmt.Fprintf(w, " = %.2f in flight", s.FromInFlight)
		if s.FromGroup > 0 {
			fmt.Fprintf(w, " + %.2f for the slowest of %d", s.FromGroup, r.Inputs.Group)
		}
		fmt.Fprintf(w, " + %.2f training", s.FromTrain)
		if s.FromSync > 0 {
			fmt.Fprintf(w, " + %.2f on the way to the engines", s.FromSync)
		}
		if s.FromPush > 0 {
			fmt.Fprintf(w, " + %.2f between pushes", s.FromPush)
		}
	}
	fmt.Fprintf(w, ";\n  half below %.1f, 95 %% below %.1f, 99 %% below %.1f; mean over tokens %.2f.\n", s.P50, s.P95, s.P99, s.TokenMean)
	if s.Growth > 0 {
		fmt.Fprintf(w, "The trainer is the slower stage: without a gate every step adds %.3f to that; bound it, by %d steps for instance.\n",
			s.Growth, r.boundedBy())
	}
	if s.Throttled {
		fmt.Fprintln(w, "The gate is narrower than full throughput needs: steps will take longer; --simulate tells how much.")
	}
	if s.PhaseLocked {
		fmt.Fprintln(w, "Durations vary too little for this formula: believe a simulation only.")
	}
}

func (r *Report) writeWhatIfs(w io.Writer) {
	if len(r.WhatIfs) > 0 {
		fmt.Fprintln(w, "\nWhat if:")
	}
	for _, c := range r.WhatIfs {
		fmt.Fprintf(w, "  %v; staleness %.2f → %.2f, over tokens %.2f → %.2f\n",
			c, c.Before.Mean, c.After.Mean, c.Before.TokenMean, c.After.TokenMean)
	}
	if r.Claim != nil {
		fmt.Fprintf(w, "\nClaimed: %v\n", r.Claim)
	}
}

func (r *Report) writeEffects(w io.Writer) {
	fmt.Fprint(w, "\nIf an input were a tenth less, and a tenth more:\n\n")
	c := newColumns(w, "", "inference", "train", "step s", "staleness", "p95", "inference", "train", "step s", "staleness", "p95")
	for _, e := range r.Effects {
		cells := []string{e.Input}
		for _, o := range []plan.Outcome{e.Less, e.More} {
			if o == (plan.Outcome{}) {
				cells = append(cells, "–", "–", "–", "–", "–")
				continue
			}
			cells = append(cells, fmt.Sprint(o.Inference), fmt.Sprint(o.Train), fixed(o.StepSeconds), fmt.Sprintf("%.2f", o.StalenessMean), fmt.Sprintf("%.1f", o.StalenessP95))
		}
		c.row(cells...)
	}
	c.Flush()
}

func (r *Report) writeSimulation(w io.Writer) {
	s := r.Simulation
	if s == nil {
		return
	}
	gate := "no gate"
	if s.Gate >= 0 {
		gate = fmt.Sprintf("a gate of %d", s.Gate)
	}
	fmt.Fprintf(w, "\nSimulated with %s, %d steps, %d trajectories, seed %d: %s ± %s s a step,\n  rollout idle %s, trainer idle %s; staleness %.2f, half within %d, 95 %% within %d, 99 %% within %d, all within %d steps.\n",
		gate, s.Steps, s.Trajectories, s.Seed, fixed(s.StepSeconds.Mean), fixed(s.StepSeconds.HalfWidth), percent(1-s.RolloutBusy), percent(1-s.TrainBusy),
		s.FirstToken.Mean(), s.FirstToken.Quantile(0.5), s.FirstToken.Quantile(0.95), s.FirstToken.Quantile(0.99), s.FirstToken.Max())
	if s.DiscardedShare > 0 {
		fmt.Fprintf(w, "  Discarded as too stale: %s of groups, %s of the work; what is trained on is %.2f times as long as what was sampled.\n",
			percent(s.DiscardedShare), percent(s.DiscardedWork), s.LengthBias)
	}
}

// fixed prints seconds.
func fixed(x float64) string {
	if 0.0005 < x && x < 1 {
		return fmt.Sprintf("%.3f", x)
	}
	return fmt.Sprintf("%.1f", x)
}

// percent prints a share that rounding may have taken below 0.
func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*max(0, share)) }

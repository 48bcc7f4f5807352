package report

import (
	"fmt"
	"slices"

	"github.com/trueup-rl/trueup/cmd/internal/rollouts"
	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/diagnose"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

// keptTokens bounds what is kept of a precision for the probes and thresholds,
// which look at rows more than once: its first rows.
const keptTokens = 1 << 17

// kept are the first rows of a precision.
type kept struct {
	offsets          []int64
	trainer, rollout []float32
	mask             []uint8
	prompt           []int32 // per row
	prompts          map[string]int32
	full             bool
}

// add keeps a row if there is room.
func (k *kept) add(row *rollouts.Row) {
	if k.full = k.full || len(k.mask)+len(row.Mask) > keptTokens; k.full {
		return
	}
	if k.offsets == nil {
		k.offsets, k.prompts = []int64{0}, make(map[string]int32)
	}
	k.trainer = append(k.trainer, row.Trainer...)
	k.rollout = append(k.rollout, row.Rollout...)
	k.mask = append(k.mask, row.Mask...)
	k.offsets = append(k.offsets, int64(len(k.mask)))
	key := row.Prompt
	if key == "" {
		key = fmt.Sprintf("\x00%d", len(k.prompt)) // a prompt of its own
	}
	id, ok := k.prompts[key]
	if !ok {
		id = int32(len(k.prompts))
		k.prompts[key] = id
	}
	k.prompt = append(k.prompt, id)
}

// bootstrapSeed makes one input give one report.
const bootstrapSeed = 1

// Targets of the picks, as shares.
const (
	targetESS      = 0.9
	targetRejected = 0.05
)

// Pick is a correction taken by a criterion.
type Pick struct {
	Criterion string `json:"criterion"`
	diagnose.Candidate
}

// Thresholds are what corrections do to the gradient, by the estimates of
// diagnose.Advisor.
type Thresholds struct {
	diagnose.Advice
	Picks []Pick `json:"picks"`
}

// diagnosis returns what the probes found on the kept rows or, if that is nothing,
// the thresholds: of columns that do not belong together there are none. Extra
// policies are tried besides diagnose.Grid.
func (k *kept) diagnosis(extra []correction.Policy) (findings []diagnose.Finding, t Thresholds, err error) {
	findings = []diagnose.Finding{}
	t.Candidates, t.Picks = []diagnose.Candidate{}, []Pick{}
	if len(k.prompt) == 0 {
		return findings, t, nil
	}
	layout, err := rows.Ragged(k.offsets)
	if err != nil {
		return nil, t, err
	}
	batch := mismatch.Batch{Layout: layout, Trainer: k.trainer, Rollout: k.rollout, Mask: k.mask}
	if found := diagnose.Probe(&batch, diagnose.Options{Prompt: k.prompt}); len(found) > 0 {
		return found, t, nil
	}

	policies := diagnose.Grid()
	for _, p := range extra {
		if p.Normalize == correction.AsIs && !slices.ContainsFunc(policies, func(q correction.Policy) bool { return q.String() == p.String() }) {
			policies = append(policies, p)
		}
	}
	a, err := diagnose.NewAdvisor(policies)
	if err != nil {
		return nil, t, err
	}
	if err := a.Add(&batch, k.prompt, nil); err != nil {
		return nil, t, err
	}
	t.Advice = a.Advice(bootstrapSeed)
	for _, c := range []struct {
		name   string
		by     diagnose.Criterion
		target float64
	}{
		{"least MSE", diagnose.MinimumMSE, 0},
		{"ESS ≥ 90 %", diagnose.TargetESS, targetESS},
		{"≤ 5 % rejected", diagnose.TargetRejection, targetRejected},
	} {
		if pick, ok := t.Pick(c.by, c.target); ok {
			t.Picks = append(t.Picks, Pick{c.name, pick})
		}
	}
	return findings, t, nil
}

// brief are the candidates worth a glance: no correction, the advised one, and the
// picks, each with the criteria that took it.
func (t *Thresholds) brief(advised correction.Policy) []Pick {
	var out []Pick
	for _, c := range t.Candidates {
		name := ""
		for _, p := range t.Picks {
			if p.Policy.String() == c.Policy.String() {
				if name != "" {
					name += ", "
				}
				name += p.Criterion
			}
		}
		if text := c.Policy.String(); name != "" || text == advised.String() || text == "none" {
			out = append(out, Pick{name, c})
		}
	}
	return out
}

// mostFindings bounds what is written of a precision's findings, and mostRows of
// the row numbers of one.
const (
	mostFindings = 5
	mostRows     = 12
)

// probed returns the sentences under a precision's probes, none if all is well.
func (p *Precision) probed() []string {
	var lines []string
	for i, f := range p.Findings {
		if i == mostFindings {
			lines = append(lines, fmt.Sprintf("… and %d more findings.", len(p.Findings)-i))
			break
		}
		s := f.String() + ". " + f.Fix
		if n := len(f.Rows); n > 0 {
			s += fmt.Sprintf(" Rows, from 0 in this precision: %v", f.Rows[:min(n, mostRows)])
			if n > mostRows {
				s += fmt.Sprintf(" and %d more", n-mostRows)
			}
			s += "."
		}
		lines = append(lines, s)
	}
	return lines
}

// sound reports whether no precision has a finding.
func (r *Report) sound() bool {
	return !slices.ContainsFunc(r.Precisions, func(p Precision) bool { return len(p.Findings) > 0 })
}

// Package diagnose says what a mismatch is and what to do about it.
//
//   - Probe asks whether the two columns are about the same tokens under the same
//     sampling rule: shifts, temperatures, truncated supports, fillers, rows out
//     of order. What it finds no correction mends.
//   - NoiseOf tells rounding, which says nothing of the weights, from the rest.
//   - An Advisor estimates, from the batches at hand, what each of a grid of
//     corrections does to the gradient: bias, variance, effective sample share,
//     with standard errors, and picks one by a stated criterion.
//   - Judge says in plain words whether the mismatch is what its precision
//     ordinarily gives, which estimators can no longer be believed, and which
//     correction is advised.
//
// All sums are float64 in one fixed order: a batch gives the same findings and the
// same figures on every machine.
package diagnose

import (
	"fmt"
	"math"
	"slices"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/mismatch"
)

// Evidence is what a verdict rests on.
type Evidence struct {
	Precision string
	Mismatch  mismatch.Summary
	// ExactChi2 is the mean χ²(trainer‖rollout) over the whole vocabulary, where
	// logits were at hand; nil otherwise.
	ExactChi2 *float64
	// Outcomes are corrections measured on the same rollouts.
	Outcomes []Outcome
	// Findings are what Probe found on the rollouts, or on a part of them.
	Findings []Finding
	// Thresholds are what an Advisor says of the rollouts; nil if none was asked.
	Thresholds *Advice
}

// Outcome is a correction and what it left.
type Outcome struct {
	Policy correction.Policy
	Effect correction.Effect
}

// Grade orders verdicts from harmless to alarming.
type Grade uint8

const (
	NoData     Grade = iota // no valid token
	Expected                // what the format ordinarily gives
	Elevated                // more than that, still correctable
	AlignFirst              // no weight mends this: align the forward pass
)

var gradeNames = [...]string{"no data", "expected", "elevated", "align first"}

// String returns the grade in words.
func (g Grade) String() string { return gradeNames[g] }

// MarshalText returns String.
func (g Grade) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// Verdict is the answer for one precision.
type Verdict struct {
	Grade   Grade             `json:"grade"`
	Summary string            `json:"summary"` // one sentence
	Advice  correction.Policy `json:"advice"`
	Why     string            `json:"why"`
	// Blind names estimators that these samples cannot support.
	Blind []string `json:"blind"`
}

// Limits of belief.
const (
	// Under this many effective rows the sequence ESS is at its floor 1/n.
	effectiveRowsFloor = 2
	// A sampled χ² below this share of the exact one has missed the tail.
	chi2Seen = 0.7
	// Without an exact χ², samples are not to be believed from this K3 on: in
	// the sample data χ² is off by half at 0.3 nats.
	chi2Doubt = 0.15
	// K2 is a quarter above K3, or more, from about 0.2 nats on.
	k2Small, k2Biased = 0.05, 1.25
	// A mean square error that is worth another policy.
	muchBetter = 1.5
	// A K3 that no format explains, in nats per token.
	misaligned = 5
	// How many standard errors, and how far, the mean ratio may lie from 1.
	ratioSigmas, ratioSlack = 5, 0.02
)

// advised is right wherever anything is: of the rules tried on real gradients,
// capping tokens keeps the direction and removes noise, where rules on whole
// sequences keep next to nothing once the mismatch is that of FP8 or more.
var advised = correction.Policy{Weight: correction.Weight{Rule: correction.Truncate, Level: correction.Token, Hi: 2}}

// Judge weighs the evidence.
func Judge(e Evidence) Verdict {
	m := &e.Mismatch
	if m.Tokens == 0 {
		return Verdict{Grade: NoData, Summary: "No token in the mask has finite log-probabilities on both sides: nothing was measured."}
	}
	v := Verdict{Blind: blind(e)}
	expect := Expect(e.Precision)
	switch {
	case len(e.Findings) > 0:
		v.Grade = AlignFirst
		v.Summary = fmt.Sprintf("Align the forward pass first: the two columns are not about the same thing (%v). %s", e.Findings[0].Kind, e.Findings[0].Fix)
	case skewed(m):
		v.Grade = AlignFirst
		v.Summary = fmt.Sprintf("Align the forward pass first: the mean ratio is %.3g where it must be 1, so the two columns are not about the same distribution (temperature, top-p, token shift or padding).", m.MeanRatio)
	case m.K3 > misaligned:
		v.Grade = AlignFirst
		v.Summary = fmt.Sprintf("Align the forward pass first: %.2g nats per token is not a matter of precision. Look for misaligned columns (token shift, padding), another temperature, or the wrong weights.", m.K3)
	case m.K3 > expect.Limit:
		v.Grade = AlignFirst
		v.Summary = fmt.Sprintf("Align the forward pass first: %.2g nats per token; usual for %s is up to %.2g (%s).", m.K3, expect.Format, expect.Usual, expect.Basis)
	case m.K3 > expect.Usual:
		v.Grade = Elevated
		v.Summary = fmt.Sprintf("Above expectation: %.2g nats per token; usual for %s is up to %.2g (%s).", m.K3, expect.Format, expect.Usual, expect.Basis)
	default:
		v.Grade = Expected
		v.Summary = fmt.Sprintf("As expected: %.2g nats per token; usual for %s is up to %.2g (%s).", m.K3, expect.Format, expect.Usual, expect.Basis)
	}
	v.Advice = advised
	v.Why = why(e, v.Grade)
	return v
}

// skewed reports whether the mean ratio, whose expectation is 1 for any two
// policies, lies further from 1 than its noise allows.
func skewed(m *mismatch.Summary) bool {
	variance := m.Chi2 + 1 - float64(m.MeanRatio*m.MeanRatio)
	se := math.Sqrt(max(0, variance) / float64(m.Tokens))
	return math.Abs(m.MeanRatio-1) > float64(ratioSigmas*se)+ratioSlack
}

func blind(e Evidence) []string {
	m := &e.Mismatch
	var out []string
	switch {
	case e.ExactChi2 != nil && m.Chi2 < float64(chi2Seen**e.ExactChi2):
		out = append(out, fmt.Sprintf("Sampled χ² is blind here: %s where the exact value is %s. Tokens that carry the rest were never sampled, so the token ESS of %.2g is optimistic too.", twoDigits(m.Chi2), twoDigits(*e.ExactChi2), m.ESSToken))
	case e.ExactChi2 == nil && m.K3 > chi2Doubt:
		out = append(out, fmt.Sprintf("Sampled χ² (%s) is a lower bound at most: at this mismatch the tokens that carry it are hardly ever sampled, and the token ESS of %.2g is optimistic too.", twoDigits(m.Chi2), m.ESSToken))
	}
	if m.K3 > k2Small && m.K2 > float64(k2Biased*m.K3) {
		out = append(out, fmt.Sprintf("K2 is biased upwards here: %s where K3, which holds, gives %s.", twoDigits(m.K2), twoDigits(m.K3)))
	}
	rows := float64(m.Rows - m.EmptyRows)
	if rows > 1 && float64(m.ESSSeq*rows) < effectiveRowsFloor {
		out = append(out, fmt.Sprintf("The sequence ESS of %.2g over %.0f rows is its floor (1/%.0f = %.3f): one row holds nearly all the weight, and the true value may be far lower.", m.ESSSeq, rows, rows, 1/rows))
	}
	return out
}

// twoDigits prints figures that go into the thousands.
func twoDigits(x float64) string {
	if x < 100 {
		return fmt.Sprintf("%#.2g", x)
	}
	return fmt.Sprintf("%.0f", x)
}

// nearer names the correction that is much nearer to the gradient than the advised
// one, if there is one.
func nearer(a *Advice) string {
	pick, ok := a.Pick(MinimumMSE, 0)
	i := slices.IndexFunc(a.Candidates, func(c Candidate) bool { return c.Policy.String() == advised.String() })
	if !ok || i < 0 || a.Candidates[i].MSE.Value < float64(muchBetter*pick.MSE.Value) {
		return ""
	}
	return fmt.Sprintf(" By the estimates from these rollouts %v is nearer to the gradient: a root mean square error of %.2g against %.2g.",
		pick.Policy, math.Sqrt(pick.MSE.Value), math.Sqrt(a.Candidates[i].MSE.Value))
}

func why(e Evidence, grade Grade) string {
	m := &e.Mismatch
	binds := fmt.Sprintf("it binds on %.2g %% of the tokens.", float64(100*m.Over2))
	if len(e.Findings) > 0 {
		return "No weight mends columns that do not belong together; until they do, a cap on token ratios limits the damage; " + binds
	}
	s := "A cap on token ratios removes the tail and keeps nearly all of the gradient; " + binds
	switch {
	case grade == AlignFirst:
		s = "No weight mends tokens that the trainer finds this unlikely: check temperature and sampling parameters, keep sensitive layers in higher precision or train with quantization, and bound staleness. Until then a cap on token ratios limits the damage; " + binds
	case m.Over2 == 0 && m.UnderHalf == 0:
		s = "No ratio leaves [½, 2]: this is the rounding noise of two kernels, not signal. The cap costs nothing and guards against an outlier."
	}
	if e.Thresholds != nil {
		s += nearer(e.Thresholds)
	}
	// What rules on whole rows would do, one of each kind.
	var weighted, filtered bool
	for _, o := range e.Outcomes {
		switch {
		case o.Effect.Rows == 0:
		case !weighted && o.Policy.Weight.Level == correction.Sequence && o.Effect.Weight.ESS() < 0.5:
			weighted = true
			s += fmt.Sprintf(" %v would leave an effective share of %.2g.", o.Policy, o.Effect.Weight.ESS())
		case !filtered && len(o.Policy.Filters) > 0 && 2*o.Effect.KeptRows < o.Effect.Rows:
			filtered = true
			s += fmt.Sprintf(" %v would keep %.2g %% of the rows.", o.Policy, 100*float64(o.Effect.KeptRows)/float64(o.Effect.Rows))
		}
	}
	return s
}

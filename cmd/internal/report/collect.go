package report

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/trueup-rl/trueup/cmd/internal/rollouts"
	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/diagnose"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

// standardPolicies are corrections in common use, tried on every precision.
var standardPolicies = []string{
	"token-tis:2",
	"token-icepop:0.5..5",
	"token-mask:0.5..2",
	"seq-tis:2",
	"seq-icepop:0.5..2",
	"geo-mask:0.99..1.01",
	"token-tis:2, geo-mask:0.9..1.1",
	"token-tis:2, mean-k3:0.1",
}

// Options say what to measure.
type Options struct {
	Trainer   string               // name of the trainer's column
	NonFinite correction.NonFinite // applied by every policy
	Policies  []correction.Policy  // tried besides the standard ones
}

// Collector measures rows as they come. Its memory grows with the number of
// precisions and prompts, not of tokens, but for the first rows of each precision.
type Collector struct {
	options    Options
	correctors []*correction.Corrector
	order      []string // precisions as they came
	parts      map[string]*part
}

// part is what has been measured of one precision.
type part struct {
	stats          mismatch.Stats
	prompts        mismatch.Clusters[string]
	kept           kept
	outcomes       []correction.Stats // by corrector
	masked         int64              // tokens in the mask
	withoutTrainer int64
	exact          [rollouts.NumExact]struct {
		sum    float64
		tokens int64
	}
}

// NewCollector returns a collector for the options, or an error that wraps
// correction.ErrPolicy.
func NewCollector(o Options) (*Collector, error) {
	c := &Collector{options: o, parts: make(map[string]*part)}
	policies := make([]correction.Policy, 0, len(standardPolicies)+len(o.Policies))
	for _, text := range standardPolicies {
		p, err := correction.Parse(text)
		if err != nil {
			return nil, err
		}
		policies = append(policies, p)
	}
	for _, p := range append(policies, o.Policies...) {
		p.NonFinite = o.NonFinite
		corrector, err := correction.New(p)
		if err != nil {
			return nil, err
		}
		c.correctors = append(c.correctors, corrector)
	}
	return c, nil
}

// Add measures one row.
func (c *Collector) Add(row *rollouts.Row) error {
	p := c.parts[row.Precision]
	if p == nil {
		if err := c.admit(row); err != nil {
			return err
		}
		p = &part{outcomes: make([]correction.Stats, len(c.correctors))}
		c.parts[row.Precision] = p
		c.order = append(c.order, row.Precision)
	}
	if !row.HasTrainer {
		p.withoutTrainer++
		return nil
	}
	layout, err := rows.Padded(1, len(row.Mask), len(row.Mask), nil)
	if err != nil {
		return err
	}
	batch := mismatch.Batch{Layout: layout, Trainer: row.Trainer, Rollout: row.Rollout, Mask: row.Mask}
	for i, corrector := range c.correctors {
		if err := corrector.Measure(&p.outcomes[i], &batch); err != nil {
			return fmt.Errorf("%s: row %d: %w", row.File, row.Index, err)
		}
	}
	var one mismatch.Stats
	if err := one.Add(&batch); err != nil {
		return err
	}
	p.stats.Merge(&one)
	if row.Prompt != "" {
		p.prompts.Add(row.Prompt, &one)
	}
	p.kept.add(row)
	p.addExact(row)
	return nil
}

// maxPrecisions bounds what a column of the wrong kind can cost.
const maxPrecisions = 256

// admit refuses a new precision whose name cannot be one.
func (c *Collector) admit(row *rollouts.Row) error {
	switch {
	case len(c.parts) == maxPrecisions:
		return fmt.Errorf("%s: row %d: more than %d different precisions", row.File, row.Index, maxPrecisions)
	case strings.ContainsFunc(row.Precision, unicode.IsControl):
		return fmt.Errorf("%s: row %d: control characters in precision %q", row.File, row.Index, row.Precision)
	}
	return nil
}

func (p *part) addExact(row *rollouts.Row) {
	for _, m := range row.Mask {
		p.masked += int64(m)
	}
	for k, values := range row.Exact {
		for t, x := range values {
			if row.Mask[t] != 0 {
				p.exact[k].sum += float64(x)
				p.exact[k].tokens++
			}
		}
	}
}

// Errors of Report for input from which nothing can be told.
var (
	errNoTrainer = errors.New("no row has values in the trainer column")
	errNoTokens  = errors.New("the mask selects no token in any row")
	errNoFinite  = errors.New("every token of the mask has a NaN or infinite log-probability")
)

// Report returns what the rows seen so far tell. Lead, if present, comes first;
// the other precisions keep the order in which they came.
func (c *Collector) Report(source, lead string) (*Report, error) {
	r := &Report{Source: source, Trainer: c.options.Trainer, NonFinite: c.options.NonFinite.String(), Notes: []string{}}
	var tokens, masked, measured int64
	for _, name := range c.order {
		p, err := c.precision(name)
		if err != nil {
			return nil, err
		}
		tokens += p.Tokens
		measured += p.Rows
		masked += c.parts[name].masked
		if name == lead {
			r.Precisions = slices.Insert(r.Precisions, 0, p)
		} else {
			r.Precisions = append(r.Precisions, p)
		}
	}
	switch {
	case measured == 0:
		return nil, fmt.Errorf("%w %s", errNoTrainer, c.options.Trainer)
	case masked == 0:
		return nil, errNoTokens
	case tokens == 0:
		return nil, errNoFinite
	}
	return r, nil
}

func (c *Collector) precision(name string) (Precision, error) {
	p := c.parts[name]
	m := p.stats.Summary()
	out := Precision{
		Precision: name, Rows: m.Rows, Tokens: m.Tokens, Prompts: p.prompts.Len(),
		EmptyRows: m.EmptyRows, WithoutTrainer: p.withoutTrainer, NonFinite: m.NonFinite,
		K1: m.K1, K1SE: m.K1SE, K2: m.K2, K2SE: m.K2SE, K3: m.K3, K3SE: m.K3SE,
		MeanAbs: m.MeanAbs, MaxAbs: m.MaxAbs, MeanRatio: m.MeanRatio, Chi2: m.Chi2,
		ESSToken: m.ESSToken, ESSSeq: m.ESSSeq, Over2: m.Over2, UnderHalf: m.UnderHalf,
	}
	if k1, k2, k3, ok := p.prompts.SE(); ok {
		out.K1SECluster, out.K2SECluster, out.K3SECluster = &k1, &k2, &k3
	}
	// The exact columns were computed with one trainer each and mean nothing
	// beside another.
	switch c.options.Trainer {
	case "trainer_logprob_bf16":
		out.ExactKLRT = p.exactMean(rollouts.ExactKLRT)
		out.ExactKLTR = p.exactMean(rollouts.ExactKLTR)
		out.ExactChi2 = p.exactMean(rollouts.ExactChi2)
		out.ExactTV = p.exactMean(rollouts.ExactTV)
		if kept := p.exactMean(rollouts.ExactTIS2Mean); kept != nil {
			loss := 1 - *kept
			out.ExactTIS2Loss = &loss
		}
	case "trainer_logprob_f32":
		out.ExactKLRT = p.exactMean(rollouts.ExactKLRTF32)
	}
	var err error
	if out.Findings, out.Thresholds, err = p.kept.diagnosis(c.options.Policies); err != nil {
		return out, err
	}
	out.Partial, out.Probed = p.kept.full, len(p.kept.prompt)
	evidence := diagnose.Evidence{Precision: name, Mismatch: m, ExactChi2: out.ExactChi2, Findings: out.Findings, Thresholds: &out.Thresholds.Advice}
	for i, corrector := range c.correctors {
		policy := corrector.Policy()
		out.Corrections = append(out.Corrections, describe(policy, &p.outcomes[i]))
		evidence.Outcomes = append(evidence.Outcomes, diagnose.Outcome{Policy: policy, Effect: p.outcomes[i].Effect()})
	}
	out.Verdict = diagnose.Judge(evidence)
	return out, nil
}

// exactMean returns the mean of an exact column, nil if some token of the mask
// has no finite value in it.
func (p *part) exactMean(k rollouts.Exact) *float64 {
	e := p.exact[k]
	mean := e.sum / float64(e.tokens)
	if e.tokens == 0 || e.tokens != p.masked || math.IsNaN(mean) || math.IsInf(mean, 0) {
		return nil
	}
	return &mean
}

func describe(policy correction.Policy, s *correction.Stats) Correction {
	e, w := s.Effect(), s.Weight()
	clipped := w.High
	if policy.Weight.Rule != correction.Truncate {
		clipped += w.Low
	}
	return Correction{
		Policy:       policy,
		KeptTokens:   share(e.KeptTokens, e.Tokens),
		KeptRows:     share(e.KeptRows, e.Rows),
		RejectedRows: share(e.RejectedRows, e.Rows),
		Clipped:      share(clipped, e.Tokens),
		MeanWeight:   e.Weight.Mean(),
		ESS:          e.Weight.ESS(),
	}
}

func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

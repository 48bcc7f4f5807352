// Package roll expresses ROLL's train/infer correction as trueup policies, with
// ROLL's semantics, defaults and, for what it corrects, metric names.
//
// Source: alibaba/ROLL at 8eb27cc, roll/utils/train_infer_corrections.py. Two
// things differ: log-ratios are clamped to ±20, in filters token by token, and
// weights are 0 at masked tokens. ROLL's monitoring of ratios and differences
// that no rule uses is package mismatch's affair here.
package roll

import (
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/trueup-rl/trueup/correction"
)

// ErrConfig is wrapped by every error of this package.
var ErrConfig = errors.New("roll: bad train/infer correction config")

// Config holds ROLL's train_infer_correction under its own names.
type Config struct {
	ISWeight ISWeight
	Filters  []Filter
}

// ISWeight is is_weight.
type ISWeight struct {
	Enabled bool
	// WeightType is "token", "geometric", "sequence" or "segment".
	WeightType string
	// UpperBound caps the weight; +Inf stands for None.
	UpperBound float64
}

// Filter is one of filters. Both of its parts may be on.
type Filter struct {
	Enabled bool
	// AggType is "token", "geometric", "sequence" or "segment".
	AggType string
	// Ratio bounds are on ρ, at level geometric and segment on its geometric mean
	// and at level sequence on its product.
	RatioEnabled        bool
	RatioLow, RatioHigh float64
	// Diff bounds are on e^trainer − e^rollout, at level geometric and segment on
	// its mean and at level sequence on its sum.
	DiffEnabled       bool
	DiffLow, DiffHigh float64
}

// DefaultISWeight returns ROLL's default weight, switched on.
func DefaultISWeight() ISWeight { return ISWeight{Enabled: true, WeightType: "token", UpperBound: 1.2} }

// DefaultFilter returns ROLL's default bounds for a filter, with both parts off.
func DefaultFilter(aggType string) Filter {
	return Filter{Enabled: true, AggType: aggType, RatioLow: 0.8, RatioHigh: 1.2, DiffLow: -0.2, DiffHigh: 0.2}
}

// Correction is a Config made ready.
type Correction struct {
	Policy correction.Policy
	names  []string // of Policy.Filters
	final  bool
}

// New checks the configuration and returns the policy it describes.
func New(c Config) (*Correction, error) {
	out := &Correction{final: len(c.Filters) > 0}
	p := &out.Policy
	if c.ISWeight.Enabled {
		level, err := parseLevel(c.ISWeight.WeightType)
		if err != nil {
			return nil, fmt.Errorf("%w: weight_type: %w", ErrConfig, err)
		}
		p.Weight = correction.Weight{Rule: correction.Truncate, Level: level, Hi: c.ISWeight.UpperBound}
	}
	for _, f := range c.Filters {
		if !f.Enabled {
			continue
		}
		level, err := parseLevel(f.AggType)
		if err != nil {
			return nil, fmt.Errorf("%w: agg_type: %w", ErrConfig, err)
		}
		if f.RatioEnabled {
			p.Filters = append(p.Filters, correction.Filter{Level: level, Lo: f.RatioLow, Hi: f.RatioHigh})
			out.names = append(out.names, f.AggType+"_ratio")
		}
		if f.DiffEnabled {
			p.Filters = append(p.Filters, correction.Filter{Statistic: correction.ProbDiff, Level: level, Lo: f.DiffLow, Hi: f.DiffHigh})
			out.names = append(out.names, f.AggType+"_diff")
		}
	}
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return out, nil
}

func parseLevel(s string) (correction.Level, error) {
	switch s {
	case "token":
		return correction.Token, nil
	case "geometric":
		return correction.Mean, nil
	case "sequence":
		return correction.Sequence, nil
	case "segment":
		return correction.Turn, nil
	}
	return 0, fmt.Errorf("%q is none of token, geometric, sequence and segment", s)
}

// Metrics yields the share of tokens whose weight was capped, the share that
// each filter alone keeps, and the share that all of them keep, under ROLL's
// names. Shares of nothing are 0.
func (c *Correction) Metrics(s *correction.Stats) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		e := s.Effect()
		share := func(n int64) float64 { return float64(n) / math.Max(1, float64(e.Tokens)) }
		if w := c.Policy.Weight; w.Rule != correction.Unweighted && !math.IsInf(w.Hi, 1) {
			if !yield("actor/is_weight_clipfrac@sum", share(s.Weight().High)) {
				return
			}
		}
		for i, name := range c.names {
			if !yield("actor/train_infer_"+name+"_mask_mean@sum", share(e.Tokens-s.Filter(i).RejectedTokens)) {
				return
			}
		}
		if c.final {
			yield("actor/train_infer_final_mask_mean", share(e.KeptTokens))
		}
	}
}

// Package areal expresses AReaL's rejection sampling as a trueup policy, with
// AReaL's semantics and metric name. Its M2PO mask and its approximation of
// proximal log-probabilities are in package loss.
//
// Source: inclusionAI/AReaL at 4aef98d, areal/utils/functional/functional.py.
// Two things differ: log-ratios are clamped to ±20, in kl_k3 to ±30, and a token whose log-ratio
// is not finite has weight 1 and is left out of its row's metric, where AReaL
// takes the ratio for 1, or, with a kl metric, drops what compares with NaN.
package areal

import (
	"errors"
	"fmt"
	"math"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/mismatch"
)

// ErrConfig is wrapped by every error of this package.
var ErrConfig = errors.New("areal: bad rejection sampling config")

// Config holds AReaL's rejection_sampling under its own names.
type Config struct {
	// Level is "token" (also if empty) or "sequence".
	Level string
	// Action is "mask" (also if empty) or "clamp", which leaves the mask alone and
	// clamps the weights of what is out of bounds.
	Action string
	// Metric is "ratio" (also if empty) with bounds on ρ, or, with d = ln ρ,
	// "kl_k1" = d, "kl_k2" = d²/2, "kl_k3" = e^−d − 1 + d.
	Metric string
	// Agg is how a row's metric is made at level sequence: "mean" (also if empty),
	// "sum" or "max"; of ratios in the log domain.
	Agg string
	// Upper and Lower are inclusive bounds; a nil Lower is none. The kl_k2 and
	// kl_k3 metrics are never negative and take no positive lower bound.
	Upper float64
	Lower *float64
}

// Correction is a Config made ready.
type Correction struct {
	// Policy rejects what AReaL masks or clamps. Its weight is the raw ratio: of
	// tokens, or with metric ratio at level sequence the row's geometric mean.
	Policy correction.Policy

	clamp  bool
	always bool // clamp whatever the metric says
	lo, hi float64
}

// New checks the configuration and returns the correction it describes.
func New(c Config) (*Correction, error) {
	f, err := parseFilter(c)
	if err != nil {
		return nil, err
	}
	out := &Correction{Policy: correction.Policy{
		Weight:    correction.Weight{Rule: correction.Truncate, Hi: math.Inf(1)},
		Filters:   []correction.Filter{f},
		NonFinite: correction.UnitWeight,
	}}
	if f.Level != correction.Token && (c.Metric == "" || c.Metric == "ratio") {
		out.Policy.Weight.Level = correction.Mean
	}
	switch c.Action {
	case "", "mask":
	case "clamp":
		out.clamp, out.always, out.hi = true, f.Level == correction.Token, c.Upper
		if c.Lower != nil {
			out.lo = *c.Lower
		}
	default:
		return nil, fmt.Errorf("%w: action %q is neither mask nor clamp", ErrConfig, c.Action)
	}
	if err := out.Policy.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return out, nil
}

func parseFilter(c Config) (f correction.Filter, err error) {
	switch c.Level {
	case "", "token":
	case "sequence":
		switch c.Agg {
		case "", "mean":
			f.Level = correction.Mean
		case "sum":
			f.Level = correction.Sequence
		case "max":
			f.Level = correction.Maximum
		default:
			return f, fmt.Errorf("%w: agg %q is none of mean, sum and max", ErrConfig, c.Agg)
		}
	default:
		return f, fmt.Errorf("%w: level %q is neither token nor sequence", ErrConfig, c.Level)
	}
	f.Hi = c.Upper
	switch c.Metric {
	case "", "ratio":
		if c.Lower != nil {
			f.Lo = max(0, *c.Lower)
		}
		return f, nil
	case "kl_k1": // bounds on ln ρ
		f.Hi = ratio(c.Upper)
		if c.Lower != nil {
			f.Lo = ratio(*c.Lower)
		}
		return f, nil
	case "kl_k2":
		f.Statistic = correction.K2
	case "kl_k3":
		f.Statistic = correction.K3Reverse
	default:
		return f, fmt.Errorf("%w: metric %q is none of ratio, kl_k1, kl_k2 and kl_k3", ErrConfig, c.Metric)
	}
	if c.Lower != nil && *c.Lower > 0 {
		return f, fmt.Errorf("%w: metric %s takes no positive lower bound", ErrConfig, c.Metric)
	}
	return f, nil
}

// ratio returns e^logRatio, and NaN for NaN.
func ratio(logRatio float64) float64 {
	const far = 700
	return kernel.Exp(max(-far, min(logRatio, far)))
}

// Stats hold AReaL's figure. They merge exactly; the zero value is empty.
type Stats struct {
	Correction correction.Stats
	// Filtered counts tokens that were masked, or whose weight the clamp changed.
	Filtered int64
}

// Merge adds what o has accumulated.
func (s *Stats) Merge(o *Stats) {
	s.Correction.Merge(&o.Correction)
	s.Filtered += o.Filtered
}

// FilteredFraction is the share of Filtered among the tokens of the mask
// (filtered_fraction).
func (s *Stats) FilteredFraction() float64 {
	m := s.Correction.Mismatch()
	if n := m.Tokens + m.NonFinite; n > 0 {
		return float64(s.Filtered) / float64(n)
	}
	return 0
}

// Correct writes the weight of every token to w and whether it stays in the mask
// to keep, and adds to dst; c is a corrector of Policy. A token that is masked,
// or dropped from the mask, has weight 0. AReaL divides by the number of tokens
// before rejection. It panics if w or keep is nil.
func (a *Correction) Correct(dst *Stats, w []float32, keep []uint8, c *correction.Corrector, b *mismatch.Batch) error {
	if w == nil || keep == nil {
		panic("areal: Correct needs room for weights and mask")
	}
	s, err := c.Correct(w, keep, b)
	if err != nil {
		return err
	}
	dst.Correction.Merge(s)
	for i := range b.Layout.Rows() {
		start, end := b.Layout.Row(i)
		_, _, mask := b.Row(i)
		dst.Filtered += a.finish(w[start:end], keep[start:end], mask)
	}
	return nil
}

// finish turns the weights and the mask of a row into AReaL's and returns how
// many tokens it filtered.
func (a *Correction) finish(w []float32, keep, mask []uint8) (filtered int64) {
	for t := range w {
		if mask != nil && mask[t] == 0 {
			continue
		}
		switch {
		case !a.clamp && keep[t] == 0:
			w[t] = 0
			filtered++
		case a.clamp && w[t] == 0: // not finite, in a row out of bounds
			w[t] = 1
		case a.clamp && (a.always || keep[t] == 0):
			clamped := max(float32(a.lo), min(w[t], float32(a.hi)))
			if clamped != w[t] {
				filtered++
			}
			w[t] = clamped
		}
		if a.clamp {
			keep[t] = 1
		}
	}
	return filtered
}

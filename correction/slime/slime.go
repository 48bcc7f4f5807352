// Package slime expresses slime's correction of the train/rollout mismatch as
// trueup policies, with slime's semantics, defaults and metric names: the MIS
// helper, and off-policy sequence masking (OPSM).
//
// Source: THUDM/slime at 624b824, examples/train_infer_mismatch_helper/mis.py and
// slime/utils/ppo_utils.py. One thing differs: in filters, as everywhere in
// package correction, a single token's |d| counts as at most 20 in its row's sum.
package slime

import (
	"errors"
	"fmt"
	"math"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// ErrConfig is wrapped by every error of this package.
var ErrConfig = errors.New("slime: bad mismatch correction config")

// Config holds the options of the MIS helper under their own names. A bound of 0
// stands for null.
type Config struct {
	// UseTIS switches the correction on; without it there are only metrics, also
	// where UseRS is set.
	UseTIS bool
	// TISLevel and RSLevel are "token" (also if empty), "sequence" or "geometric".
	TISLevel, RSLevel string
	// TISMode is "truncate" (also if empty), "clip" or "mask"; mask leaves the
	// weights as they are and drops what is out of bounds from the mask.
	TISMode string
	// TISLowerBound is 1/TISUpperBound if null.
	TISLowerBound, TISUpperBound float64
	// UseRS drops from the mask what is out of bounds; null bounds are those of
	// TIS.
	UseRS                      bool
	RSLowerBound, RSUpperBound float64
	// RSVetoThreshold, if UseRS is set, drops rows with a token whose ratio is
	// below.
	RSVetoThreshold float64
	// TISBatchNormalize divides weights by their mean, at level sequence over all
	// rows, those without a valid token counting as 0.
	TISBatchNormalize bool
}

// Default returns the configuration that the helper's mis.yaml has.
func Default() Config {
	return Config{
		UseTIS: true, TISLevel: "token", TISMode: "truncate", TISLowerBound: 0.5, TISUpperBound: 2,
		UseRS: true, RSLevel: "token", RSVetoThreshold: 1e-4,
		TISBatchNormalize: true,
	}
}

// Correction is a Config made ready.
type Correction struct {
	Policy correction.Policy

	config           Config
	tisLevel         correction.Level
	rsLevel          correction.Level
	tisLo, rsLo      float64
	tisHi, rsHi      float64
	logVetoThreshold float64
}

// New checks the configuration and returns the policy it describes.
func New(c Config) (*Correction, error) {
	out := &Correction{config: c}
	if !c.UseTIS {
		return out, nil
	}
	var err error
	if out.tisLevel, err = parseLevel(c.TISLevel); err != nil {
		return nil, fmt.Errorf("%w: tis_level: %w", ErrConfig, err)
	}
	if out.rsLevel, err = parseLevel(c.RSLevel); err != nil {
		return nil, fmt.Errorf("%w: rs_level: %w", ErrConfig, err)
	}
	out.tisHi = c.TISUpperBound
	out.tisLo = orElse(c.TISLowerBound, 1/out.tisHi)
	out.rsLo, out.rsHi = orElse(c.RSLowerBound, out.tisLo), orElse(c.RSUpperBound, out.tisHi)

	p := &out.Policy
	p.Weight = correction.Weight{Rule: correction.Truncate, Level: out.tisLevel, Hi: out.tisHi}
	switch c.TISMode {
	case "", "truncate":
	case "clip":
		p.Weight.Rule, p.Weight.Lo = correction.Clip, out.tisLo
	case "mask":
		p.Weight.Hi = math.Inf(1)
		p.Filters = append(p.Filters, correction.Filter{Level: out.tisLevel, Lo: out.tisLo, Hi: out.tisHi})
	default:
		return nil, fmt.Errorf("%w: tis_mode %q is none of truncate, clip and mask", ErrConfig, c.TISMode)
	}
	if c.UseRS {
		p.Filters = append(p.Filters, correction.Filter{Level: out.rsLevel, Lo: out.rsLo, Hi: out.rsHi})
		if c.RSVetoThreshold != 0 {
			p.Filters = append(p.Filters, correction.Filter{Level: correction.Any, Lo: c.RSVetoThreshold, Hi: math.Inf(1)})
			out.logVetoThreshold = kernel.Log(c.RSVetoThreshold)
		}
	}
	if c.TISBatchNormalize {
		p.Normalize = correction.AllRowsMean
		if out.tisLevel == correction.Mean {
			return nil, fmt.Errorf("%w: tis_batch_normalize at tis_level geometric", ErrConfig)
		}
	}
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return out, nil
}

func orElse(x, null float64) float64 {
	if x == 0 {
		return null
	}
	return x
}

func parseLevel(s string) (correction.Level, error) {
	switch s {
	case "", "token":
		return correction.Token, nil
	case "sequence":
		return correction.Sequence, nil
	case "geometric":
		return correction.Mean, nil
	}
	return 0, fmt.Errorf("%q is none of token, sequence and geometric", s)
}

// DefaultOPSMDelta is slime's --opsm-delta.
const DefaultOPSMDelta = 1e-4

// OPSM returns the policy of --use-opsm: rows with a negative advantage and
// mean(old − current) > delta are dropped. slime's old log-probabilities are the
// rollout engine's only with --use-rollout-logprobs; give what it would use as
// the batch's Rollout. (arXiv:2512.02556.)
func OPSM(delta float64) correction.Policy {
	return correction.Policy{Filters: []correction.Filter{{Statistic: correction.OffPolicy, Level: correction.Mean, Hi: delta}}}
}

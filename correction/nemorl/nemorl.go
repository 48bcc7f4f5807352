// Package nemorl expresses NeMo-RL's importance-sampling correction and its
// masking of sequences by log-probability error as trueup policies, with
// NeMo-RL's defaults and metric names. Its losses are in package loss.
//
// Source: NVIDIA-NeMo/RL at 7ea279a, nemo_rl/algorithms/loss/loss_functions.py
// and nemo_rl/algorithms/grpo.py. One thing differs: log-ratios are clamped to
// ±20. A ratio that is not finite weighs 0 and stays in the mask, as there.
package nemorl

import (
	"errors"
	"fmt"
	"math"

	"github.com/trueup-rl/trueup/correction"
)

// ErrConfig is wrapped by every error of this package.
var ErrConfig = errors.New("nemorl: bad importance sampling config")

// Config holds the options of NeMo-RL's loss_fn that make weights, under their
// own names.
type Config struct {
	UseImportanceSamplingCorrection bool
	// TruncatedImportanceSamplingType is "tis", "icepop", "seq-mask-tis" or "",
	// which leaves the ratio as it is.
	TruncatedImportanceSamplingType string
	// TruncatedImportanceSamplingRatio is the upper bound, RatioMin the lower.
	TruncatedImportanceSamplingRatio, TruncatedImportanceSamplingRatioMin float64
	// SequenceLevelImportanceRatios takes the row's product for its ratio.
	SequenceLevelImportanceRatios bool
}

// Policy returns the policy that the configuration describes.
func (c Config) Policy() (correction.Policy, error) {
	p := correction.Policy{NonFinite: correction.ZeroWeight}
	if !c.UseImportanceSamplingCorrection {
		p.NonFinite = correction.UnitWeight
		return p, nil
	}
	w := &p.Weight
	w.Lo, w.Hi = c.TruncatedImportanceSamplingRatioMin, c.TruncatedImportanceSamplingRatio
	if c.SequenceLevelImportanceRatios {
		w.Level = correction.Sequence
	}
	switch c.TruncatedImportanceSamplingType {
	case "":
		w.Rule, w.Lo, w.Hi = correction.Truncate, 0, math.Inf(1)
	case "tis":
		w.Rule = correction.Clip
	case "icepop":
		w.Rule = correction.IcePop
	case "seq-mask-tis":
		w.Rule = correction.SeqMaskTIS
	default:
		return p, fmt.Errorf("%w: truncated_importance_sampling_type %q", ErrConfig, c.TruncatedImportanceSamplingType)
	}
	if err := p.Check(); err != nil {
		return p, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return p, nil
}

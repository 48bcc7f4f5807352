// Package openrlhf expresses OpenRLHF's vLLM importance-sampling correction as
// trueup policies, with OpenRLHF's defaults. Its loss and metrics are in package
// loss.
//
// Source: OpenRLHF/OpenRLHF at 3c3be62, openrlhf/models/loss.py. Two things
// differ: log-ratios are clamped to ±20, and weights are 0 at masked tokens.
package openrlhf

import (
	"errors"
	"fmt"

	"github.com/trueup-rl/trueup/correction"
)

// ErrConfig is wrapped by every error of this package.
var ErrConfig = errors.New("openrlhf: bad importance sampling config")

// Config holds OpenRLHF's options under their own names.
type Config struct {
	EnableVLLMISCorrection bool
	// VLLMISCorrectionType is "tis" (also if empty), "icepop" or "seq-mask-tis".
	VLLMISCorrectionType string
	// VLLMISTruncatedThreshold are the bounds, 0.5 and 5 if both are 0. Those of
	// seq-mask-tis are on a geometric mean, which the default never excludes.
	VLLMISTruncatedThreshold [2]float64
}

// Policy returns the policy that the configuration describes.
func (c Config) Policy() (correction.Policy, error) {
	var p correction.Policy
	if !c.EnableVLLMISCorrection {
		return p, nil
	}
	bounds := c.VLLMISTruncatedThreshold
	if bounds == [2]float64{} {
		bounds = [2]float64{0.5, 5}
	}
	p.Weight = correction.Weight{Lo: bounds[0], Hi: bounds[1]}
	switch c.VLLMISCorrectionType {
	case "", "tis":
		p.Weight.Rule = correction.Clip
	case "icepop":
		p.Weight.Rule = correction.IcePop
	case "seq-mask-tis":
		p.Weight.Rule = correction.SeqMaskTIS
	default:
		return p, fmt.Errorf("%w: vllm_is_correction_type %q", ErrConfig, c.VLLMISCorrectionType)
	}
	if err := p.Check(); err != nil {
		return p, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return p, nil
}

// Package trl expresses TRL's correction of the vLLM mismatch and its off-policy
// mask as trueup policies, with TRL's defaults.
//
// Source: huggingface/trl at f2cd577, trl/trainer/grpo_trainer.py and
// grpo_config.py. Two things differ: log-ratios are clamped to ±20, and weights
// are 0 at masked tokens, where TRL has 1 or the row's ratio and masks the loss.
package trl

import (
	"errors"
	"fmt"
	"math"

	"github.com/trueup-rl/trueup/correction"
)

// ErrConfig is wrapped by every error of this package.
var ErrConfig = errors.New("trl: bad importance sampling config")

// Config holds GRPOConfig's options under their own names. A bound of 0 stands
// for None.
type Config struct {
	VLLMImportanceSamplingCorrection bool
	// VLLMImportanceSamplingMode is "token_truncate", "token_mask",
	// "sequence_truncate" or "sequence_mask". A mask sets weights to 0 and leaves
	// the denominator as it is.
	VLLMImportanceSamplingMode string
	// VLLMImportanceSamplingClipMin and Max bound the ratio.
	VLLMImportanceSamplingClipMin, VLLMImportanceSamplingClipMax float64
	// OffPolicyMaskThreshold drops rows with a negative advantage and
	// mean(rollout − current) above it; 0.5 is suggested.
	OffPolicyMaskThreshold float64
}

// Default returns GRPOConfig's defaults.
func Default() Config {
	return Config{
		VLLMImportanceSamplingCorrection: true,
		VLLMImportanceSamplingMode:       "sequence_mask",
		VLLMImportanceSamplingClipMax:    3,
	}
}

// Policy returns the policy that the configuration describes.
func (c Config) Policy() (correction.Policy, error) {
	var p correction.Policy
	if c.VLLMImportanceSamplingCorrection {
		w := &p.Weight
		w.Lo, w.Hi = c.VLLMImportanceSamplingClipMin, c.VLLMImportanceSamplingClipMax
		if w.Hi == 0 {
			w.Hi = math.Inf(1)
		}
		switch c.VLLMImportanceSamplingMode {
		case "token_truncate":
			w.Rule = correction.Clip
		case "token_mask":
			w.Rule = correction.IcePop
		case "sequence_truncate":
			w.Rule, w.Level = correction.Clip, correction.Sequence
		case "sequence_mask":
			w.Rule, w.Level = correction.IcePop, correction.Sequence
		default:
			return p, fmt.Errorf("%w: vllm_importance_sampling_mode %q", ErrConfig, c.VLLMImportanceSamplingMode)
		}
	}
	if c.OffPolicyMaskThreshold != 0 {
		p.Filters = []correction.Filter{{Statistic: correction.OffPolicy, Level: correction.Mean, Hi: c.OffPolicyMaskThreshold}}
	}
	if err := p.Check(); err != nil {
		return p, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return p, nil
}

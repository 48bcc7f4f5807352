// Package skyrl expresses SkyRL's off-policy correction as a chain of trueup
// policies, with SkyRL's order, defaults and metric names.
//
// Source: NovaSky-AI/SkyRL at a956457,
// skyrl/backends/skyrl_train/utils/off_policy_correction_utils.py. Two things
// differ: weights are 0 at tokens that are masked or that an earlier mask
// dropped, where SkyRL keeps a ratio that its loss does not read; and in the mask
// of sequences a single token's |d| counts as at most 20.
package skyrl

import (
	"errors"
	"fmt"
	"math"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/mismatch"
)

// ErrConfig is wrapped by every error of this package.
var ErrConfig = errors.New("skyrl: bad off-policy correction config")

// Config holds SkyRL's algorithm.off_policy_correction under its own names. A
// threshold of 0 stands for null, or where SkyRL has a default for that.
type Config struct {
	// TISRatioType is "token", "sequence" or "", which leaves weights at 1.
	TISRatioType string
	// TokenTISRatioClipHigh is 2 by default, SequenceTISRatioClipHigh 5.
	TokenTISRatioClipHigh, SequenceTISRatioClipHigh float64
	// SequenceMaskMetric is "geometric", "product" or "". The default bounds are
	// 0.99 and 1.01, and 0.5 and 2.
	SequenceMaskMetric              string
	GeoMaskHigh, GeoMaskLow         float64
	ProductMaskHigh, ProductMaskLow float64
	// Outlier thresholds drop rows with a token whose ratio lies outside; 1e-4 and
	// 100 are suggested.
	OutlierTokenISThresholdLow, OutlierTokenISThresholdHigh float64
	// Token mask thresholds drop tokens, if both are set; 0.5 and 2 are suggested.
	TokenMaskISThresholdLow, TokenMaskISThresholdHigh float64
}

// Correction is a Config made ready. Use one per goroutine.
type Correction struct {
	// Policies are applied one after the other: the outlier mask, the token mask,
	// and the weight with the mask of sequences. The first one's weight, the raw
	// ratio, is measured only.
	Policies []correction.Policy

	outlier, tokenMask bool
	sequenceMask       string // the metrics' prefix
	chain              *correction.Chain
}

// New checks the configuration and returns the correction it describes.
func New(c Config) (*Correction, error) {
	out := &Correction{
		outlier:   c.OutlierTokenISThresholdLow != 0 || c.OutlierTokenISThresholdHigh != 0,
		tokenMask: c.TokenMaskISThresholdLow != 0 && c.TokenMaskISThresholdHigh != 0,
	}
	outlier := correction.Policy{Weight: correction.Weight{Rule: correction.Truncate, Hi: math.Inf(1)}}
	if out.outlier {
		outlier.Filters = []correction.Filter{{
			Level: correction.Any,
			Lo:    c.OutlierTokenISThresholdLow,
			Hi:    orElse(c.OutlierTokenISThresholdHigh, math.Inf(1)),
		}}
	}
	tokens := correction.Policy{}
	if out.tokenMask {
		tokens.Filters = []correction.Filter{{Lo: c.TokenMaskISThresholdLow, Hi: c.TokenMaskISThresholdHigh}}
	}
	last := correction.Policy{}
	switch c.TISRatioType {
	case "":
	case "token":
		last.Weight = correction.Weight{Rule: correction.Truncate, Hi: orElse(c.TokenTISRatioClipHigh, 2)}
	case "sequence":
		last.Weight = correction.Weight{Rule: correction.Truncate, Level: correction.Sequence, Hi: orElse(c.SequenceTISRatioClipHigh, 5)}
	default:
		return nil, fmt.Errorf("%w: tis_ratio_type %q is neither token nor sequence", ErrConfig, c.TISRatioType)
	}
	switch c.SequenceMaskMetric {
	case "":
	case "geometric":
		out.sequenceMask = "geo_sequence_mask_"
		last.Filters = []correction.Filter{{Level: correction.Mean, Lo: orElse(c.GeoMaskLow, 0.99), Hi: orElse(c.GeoMaskHigh, 1.01)}}
	case "product":
		out.sequenceMask = "product_sequence_mask_"
		last.Filters = []correction.Filter{{Level: correction.Sequence, Lo: orElse(c.ProductMaskLow, 0.5), Hi: orElse(c.ProductMaskHigh, 2)}}
	default:
		return nil, fmt.Errorf("%w: sequence_mask_metric %q is neither geometric nor product", ErrConfig, c.SequenceMaskMetric)
	}
	out.Policies = []correction.Policy{outlier, tokens, last}
	var err error
	if out.chain, err = correction.NewChain(out.Policies...); err != nil {
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

// Correct writes the weight and the mask of every token, like
// correction.Corrector's Correct, and adds what Metrics reads to dst.
func (c *Correction) Correct(dst *Stats, w []float32, keep []uint8, b *mismatch.Batch) error {
	stages, err := c.chain.Correct(w, keep, b)
	if err != nil {
		return err
	}
	for i, stage := range stages {
		dst.stages[i].Merge(stage)
	}
	for i := range b.Layout.Rows() {
		start, end := b.Layout.Storage(i)
		dst.positions += int64(end - start)
	}
	return nil
}

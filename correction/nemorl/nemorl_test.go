package nemorl_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/correction/nemorl"
	"github.com/trueup-rl/trueup/mismatch"
)

// The golden sets, run by the tests of package correction, are the oracle of the
// mask's semantics and metrics; here is what has no golden case.

func TestPolicy(t *testing.T) {
	for policy, c := range map[string]nemorl.Config{
		"nonfinite:one":                             {},
		"token-tis:+Inf, nonfinite:zero":            {UseImportanceSamplingCorrection: true},
		"seq-tis:+Inf, nonfinite:zero":              {UseImportanceSamplingCorrection: true, SequenceLevelImportanceRatios: true},
		"token-clip:..2, nonfinite:zero":            {UseImportanceSamplingCorrection: true, TruncatedImportanceSamplingType: "tis", TruncatedImportanceSamplingRatio: 2},
		"token-icepop:0.5..5, nonfinite:zero":       {UseImportanceSamplingCorrection: true, TruncatedImportanceSamplingType: "icepop", TruncatedImportanceSamplingRatioMin: 0.5, TruncatedImportanceSamplingRatio: 5},
		"seq-mask-tis:0.999..1.002, nonfinite:zero": {UseImportanceSamplingCorrection: true, TruncatedImportanceSamplingType: "seq-mask-tis", TruncatedImportanceSamplingRatioMin: 0.999, TruncatedImportanceSamplingRatio: 1.002},
	} {
		p, err := c.Policy()
		require.NoError(t, err, policy)
		assert.Equal(t, policy, p.String())
	}
	for _, c := range []nemorl.Config{
		{UseImportanceSamplingCorrection: true, TruncatedImportanceSamplingType: "cut"},
		{UseImportanceSamplingCorrection: true, TruncatedImportanceSamplingType: "tis"},
		{UseImportanceSamplingCorrection: true, TruncatedImportanceSamplingType: "seq-mask-tis", TruncatedImportanceSamplingRatio: 2, SequenceLevelImportanceRatios: true},
	} {
		_, err := c.Policy()
		assert.ErrorIs(t, err, nemorl.ErrConfig, "%+v", c)
	}
}

func TestSeqLogprobErrorOfNothing(t *testing.T) {
	_, err := nemorl.NewSeqLogprobError(math.NaN())
	require.ErrorIs(t, err, nemorl.ErrConfig)
	m, err := nemorl.NewSeqLogprobError(2)
	require.NoError(t, err)
	var s, o nemorl.Stats
	require.NoError(t, m.Mask(&s, nil, &mismatch.Batch{}, nil))
	o.Merge(&s)
	for name, x := range o.Metrics() {
		assert.Zero(t, x, name)
	}
}

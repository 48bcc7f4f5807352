package trl_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/correction/trl"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

func TestPolicy(t *testing.T) {
	mode := func(mode string, lo, hi float64) trl.Config {
		return trl.Config{VLLMImportanceSamplingCorrection: true, VLLMImportanceSamplingMode: mode, VLLMImportanceSamplingClipMin: lo, VLLMImportanceSamplingClipMax: hi}
	}
	masked := trl.Default()
	masked.OffPolicyMaskThreshold = 0.5
	for policy, c := range map[string]trl.Config{
		"none":                     {VLLMImportanceSamplingMode: "unread"},
		"seq-icepop:..3":           trl.Default(),
		"seq-icepop:..3, opsm:0.5": masked,
		"token-clip:..3":           mode("token_truncate", 0, 3),
		"token-icepop:0.5..3":      mode("token_mask", 0.5, 3),
		"seq-clip:0.5..":           mode("sequence_truncate", 0.5, 0),
	} {
		p, err := c.Policy()
		require.NoError(t, err, policy)
		assert.Equal(t, policy, p.String())
	}
	for _, c := range []trl.Config{mode("token", 0, 3), mode("token_mask", 4, 3)} {
		_, err := c.Policy()
		assert.ErrorIs(t, err, trl.ErrConfig, "%+v", c)
	}
}

// TestMetrics: rows with Σd = 1.5 (e^1.5 is above 3 and masked) and −0.25, and an
// empty one.
func TestMetrics(t *testing.T) {
	p, err := trl.Default().Policy()
	require.NoError(t, err)
	c, err := correction.New(p)
	require.NoError(t, err)
	layout, err := rows.Ragged([]int64{0, 2, 3, 3})
	require.NoError(t, err)
	s, err := c.Correct(nil, nil, &mismatch.Batch{Layout: layout, Trainer: []float32{-1, -1, -1}, Rollout: []float32{-2, -1.5, -0.75}})
	require.NoError(t, err)
	m := maps.Collect(trl.Metrics(&p, s))
	for name, want := range map[string]float64{
		"sampling/sampling_logp_difference/mean":  1.75 / 3,
		"sampling/sampling_logp_difference/max":   1,
		"sampling/importance_sampling_ratio/min":  0,
		"sampling/importance_sampling_ratio/mean": 1.778801 / 3,
		"sampling/importance_sampling_ratio/max":  1,
	} {
		assert.InDelta(t, want, m[name], 1e-6, name)
	}
	assert.Len(t, maps.Collect(trl.Metrics(new(correction.Policy), s)), 2)
}

package verl_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/correction/verl"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

// The golden sets, run by the tests of package correction, are the oracle of
// semantics and metrics; here are the options that verl refuses, and what has no
// golden case.

func TestNewRefuses(t *testing.T) {
	for _, c := range []verl.Config{
		{RolloutIS: "geometric"},
		{RolloutIS: "token", RolloutISThreshold: "2.0_0.5"},
		{RolloutIS: "token", RolloutISThreshold: "0.5_"},
		{RolloutIS: "token", RolloutISThreshold: "0"},
		{RolloutIS: "token", RolloutISThreshold: "-1"},
		{RolloutIS: "token", RolloutISThreshold: "nan"},
		{RolloutIS: "token", RolloutISThreshold: "0_2"},
		{RolloutIS: "token", RolloutISThreshold: "two"},
		{RolloutRS: "sequence", RolloutRSThreshold: "2"},
		{RolloutRS: "seq_max_k1", RolloutRSThreshold: "0.5_2"},
		{RolloutRS: "token_k4", RolloutRSThreshold: "1"},
		{RolloutRS: "_k1", RolloutRSThreshold: "2"},
		{RolloutRS: "k1", RolloutRSThreshold: "2"},
		{RolloutRS: "token_k1", RolloutRSThreshold: "0.5"},
		{RolloutRS: "token_k1", RolloutRSThreshold: "2.0_0.5"},
		{RolloutRS: "token_k2", RolloutRSThreshold: "0.1_0.5"},
		{RolloutRS: "token_k2"},
		{RolloutRS: "token_k1,token_k2", RolloutRSThreshold: "0.5_2,1,1"},
	} {
		_, err := verl.New(c)
		assert.ErrorIs(t, err, verl.ErrConfig, "%+v", c)
	}
}

func TestNew(t *testing.T) {
	v, err := verl.New(verl.Config{RolloutIS: "token", RolloutISThreshold: "1e-3_2", RolloutRS: "token_k1", RolloutRSThreshold: "0.1_1.25"})
	require.NoError(t, err)
	// Bounds of k1 are on the inverse ratio.
	assert.Equal(t, "token-icepop:0.001..2, token-mask:0.8..10", v.Policy.String())

	v, err = verl.New(verl.Config{RolloutIS: "sequence"})
	require.NoError(t, err)
	assert.Equal(t, "seq-tis:2", v.Policy.String(), "verl's default threshold")

	_, err = verl.Preset("decoupled_k1_rs")
	require.ErrorIs(t, err, verl.ErrConfig, "named in verl's docstring, but no such constructor")
	for _, name := range verl.Presets() {
		c, err := verl.Preset(name)
		require.NoError(t, err)
		_, err = verl.New(c)
		assert.NoError(t, err, name)
	}
}

// TestMetricsOfNothing: verl raises on a mask without tokens. Here every figure
// is defined.
func TestMetricsOfNothing(t *testing.T) {
	v, err := verl.New(verl.Config{RolloutIS: "sequence", RolloutISBatchNormalize: true, RolloutRS: "token_k1,seq_mean_k3", RolloutRSThreshold: "2"})
	require.NoError(t, err)
	c, err := correction.New(v.Policy)
	require.NoError(t, err)
	layout, err := rows.Padded(2, 1, 1, nil)
	require.NoError(t, err)
	for _, b := range []*mismatch.Batch{
		{},
		{Layout: layout, Trainer: []float32{0, 0}, Rollout: []float32{0, 0}, Mask: []uint8{0, 0}},
	} {
		s, err := c.Correct(nil, nil, b)
		require.NoError(t, err)
		for _, m := range v.Metrics(s) {
			assert.False(t, m.Value != m.Value, "%s is NaN", m.Name)
		}
	}
}

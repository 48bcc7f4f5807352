package slime_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/correction/slime"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

// The golden sets, run by the tests of package correction, are the oracle of
// semantics and metrics; here is what has no golden case.

func TestNew(t *testing.T) {
	for policy, config := range map[string]slime.Config{
		"none": {UseRS: true, RSLevel: "anything"}, // metrics only
		"token-tis:2, token-mask:0.5..2, veto:0.0001, batch-norm-all": slime.Default(),
		"seq-clip:0.25..4":                 {UseTIS: true, TISLevel: "sequence", TISMode: "clip", TISUpperBound: 4},
		"geo-tis:+Inf, geo-mask:0.5..2":    {UseTIS: true, TISLevel: "geometric", TISMode: "mask", TISUpperBound: 2},
		"token-tis:2, geo-mask:0.99..1.01": {UseTIS: true, TISUpperBound: 2, UseRS: true, RSLevel: "geometric", RSLowerBound: 0.99, RSUpperBound: 1.01},
		"token-tis:2, token-mask:0.5..2":   {UseTIS: true, TISUpperBound: 2, UseRS: true},
		"token-tis:2":                      {UseTIS: true, TISUpperBound: 2, RSVetoThreshold: 1e-4},
	} {
		c, err := slime.New(config)
		require.NoError(t, err, policy)
		assert.Equal(t, policy, c.Policy.String())
	}
	for _, config := range []slime.Config{
		{UseTIS: true},
		{UseTIS: true, TISUpperBound: -2},
		{UseTIS: true, TISUpperBound: 2, TISLevel: "row"},
		{UseTIS: true, TISUpperBound: 2, RSLevel: "row"},
		{UseTIS: true, TISUpperBound: 2, TISMode: "cut"},
		{UseTIS: true, TISUpperBound: 2, TISLowerBound: 3, TISMode: "clip"},
		{UseTIS: true, TISUpperBound: 2, TISLevel: "geometric", TISBatchNormalize: true},
	} {
		_, err := slime.New(config)
		assert.ErrorIs(t, err, slime.ErrConfig, "%+v", config)
	}
	assert.Equal(t, "opsm:0.0001", slime.OPSM(slime.DefaultOPSMDelta).String())
}

// TestStatsMerge: parts, merged, are the whole, bit for bit; and nothing is NaN
// whatever goes in.
func TestStatsMerge(t *testing.T) {
	m, err := slime.New(slime.Default())
	require.NoError(t, err)
	c, err := correction.New(m.Policy)
	require.NoError(t, err)
	trainer := []float32{-1, -0.2, -3e38, -0.7, -9, -2}
	rollout := []float32{-1.1, -0.3, -0.5, -0.6, -0.1, -2.5}
	batch := func(offsets ...int64) *mismatch.Batch {
		layout, err := rows.Ragged(offsets)
		require.NoError(t, err)
		return &mismatch.Batch{Layout: layout, Trainer: trainer, Rollout: rollout}
	}
	whole := batch(0, 2, 2, 4, 6)
	global, err := c.Correct(nil, nil, whole)
	require.NoError(t, err)
	var all, parts slime.Stats
	require.NoError(t, m.Measure(&all, whole, global))
	for _, part := range []*mismatch.Batch{batch(4, 6), batch(0, 2, 2, 4)} {
		var s slime.Stats
		require.NoError(t, m.Measure(&s, part, global))
		parts.Merge(&s)
	}
	assert.Equal(t, all, parts)
	for name, x := range m.Metrics(&all) {
		assert.False(t, x-x != 0, "%s is %v", name, x)
	}
	assert.EqualValues(t, 0.25, maps.Collect(m.Metrics(&all))["rs_catastrophic_token_fraction"]*2, "one token of two, in one row of four")
	assert.Zero(t, testing.AllocsPerRun(5, func() { _ = m.Measure(&parts, whole, global) }))

	assert.Empty(t, maps.Collect(m.Metrics(new(slime.Stats))))
	whole.Trainer = whole.Trainer[:3]
	assert.ErrorIs(t, m.Measure(&all, whole, global), mismatch.ErrShape)
}

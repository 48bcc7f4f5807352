package skyrl_test

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/correction/skyrl"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

// The golden sets, run by the tests of package correction, are the oracle of
// semantics and metrics; here is what has no golden case.

func TestNewRefuses(t *testing.T) {
	for _, config := range []skyrl.Config{
		{TISRatioType: "geometric"},
		{SequenceMaskMetric: "mean"},
		{TISRatioType: "token", TokenTISRatioClipHigh: -1},
		{SequenceMaskMetric: "product", ProductMaskLow: 3},
		{TokenMaskISThresholdLow: 2, TokenMaskISThresholdHigh: 1},
	} {
		_, err := skyrl.New(config)
		assert.ErrorIs(t, err, skyrl.ErrConfig, "%+v", config)
	}
}

// TestOrder: the mask of sequences looks at what the token mask left. With all
// of its tokens the first row's mean of d is −0.475, without the third 0.033.
func TestOrder(t *testing.T) {
	c, err := skyrl.New(skyrl.Config{
		TISRatioType: "sequence", SequenceMaskMetric: "geometric", GeoMaskLow: 0.9, GeoMaskHigh: 1.1,
		TokenMaskISThresholdLow: 0.5, TokenMaskISThresholdHigh: 2,
	})
	require.NoError(t, err)
	layout, err := rows.Ragged([]int64{0, 4, 6})
	require.NoError(t, err)
	b := &mismatch.Batch{
		Layout:  layout,
		Trainer: []float32{-1.0, -0.5, -3.0, -0.2, -0.4, -2.0},
		Rollout: []float32{-1.2, -0.5, -1.0, -0.1, -0.9, -2.3},
	}
	w, keep := make([]float32, 6), make([]uint8, 6)
	var s skyrl.Stats
	require.NoError(t, c.Correct(&s, w, keep, b))
	assert.Equal(t, []uint8{1, 1, 0, 1, 0, 0}, keep)
	assert.InDeltaSlice(t, []float64{1.105171, 1.105171, 0, 1.105171, 2.225541, 2.225541}, w, 1e-6)
	m := maps.Collect(c.Metrics(&s))
	assert.InDelta(t, 1.0/6, m["token_mask_ratio"], 1e-12)
	assert.EqualValues(t, 0.5, m["geo_sequence_mask_masked_ratio"])
	assert.EqualValues(t, 0.5, m["geo_sequence_mask_over_high_ratio"])
	assert.Zero(t, testing.AllocsPerRun(5, func() { _ = c.Correct(&s, w, keep, b) }))

	var half skyrl.Stats
	half.Merge(&s)
	assert.Equal(t, s, half)
}

func TestNothing(t *testing.T) {
	c, err := skyrl.New(skyrl.Config{})
	require.NoError(t, err)
	assert.Empty(t, maps.Collect(c.Metrics(new(skyrl.Stats))), "SkyRL logs nothing where nothing is on")
	c, err = skyrl.New(skyrl.Config{TISRatioType: "token", SequenceMaskMetric: "product", OutlierTokenISThresholdLow: 1e-4})
	require.NoError(t, err)
	for name, x := range c.Metrics(new(skyrl.Stats)) {
		assert.Zero(t, x, name)
	}
}

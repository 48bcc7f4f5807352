package areal_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/correction/areal"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

// The golden sets, run by the tests of package correction, are the oracle of
// semantics; here is what has no golden case.

func TestNewRefuses(t *testing.T) {
	half, nan := 0.5, math.NaN()
	for _, config := range []areal.Config{
		{},
		{Upper: 2, Level: "row"},
		{Upper: 2, Level: "sequence", Agg: "median"},
		{Upper: 2, Action: "drop"},
		{Upper: 2, Metric: "kl_k4"},
		{Upper: 2, Metric: "kl_k2", Lower: &half},
		{Upper: nan, Metric: "kl_k1"},
		{Upper: 0.25, Lower: &half},
	} {
		_, err := areal.New(config)
		assert.ErrorIs(t, err, areal.ErrConfig, "%+v", config)
	}
}

// TestClampBySum: a row's sum of d decides, its geometric mean is clamped. The
// rows' sums are 0.8 and −0.2, their means 0.4 and −0.1; a token is not finite.
func TestClampBySum(t *testing.T) {
	lower := 0.9
	m, err := areal.New(areal.Config{Level: "sequence", Action: "clamp", Agg: "sum", Upper: 1.2, Lower: &lower})
	require.NoError(t, err)
	c, err := correction.New(m.Policy)
	require.NoError(t, err)
	layout, err := rows.Ragged([]int64{0, 3, 5})
	require.NoError(t, err)
	b := &mismatch.Batch{
		Layout:  layout,
		Trainer: []float32{-0.4, -2.0, float32(math.NaN()), -1.1, -0.6},
		Rollout: []float32{-0.9, -2.3, -1, -1, -0.5},
	}
	w, keep := make([]float32, 5), make([]uint8, 5)
	var s areal.Stats
	require.NoError(t, m.Correct(&s, w, keep, c, b))
	assert.InDeltaSlice(t, []float64{1.2, 1.2, 1, 0.904837, 0.904837}, w, 1e-6, "e^−0.1 is above 0.9")
	assert.Equal(t, []uint8{1, 1, 1, 1, 1}, keep)
	assert.InDelta(t, 0.4, s.FilteredFraction(), 1e-12)
	assert.Zero(t, new(areal.Stats).FilteredFraction())
	assert.Panics(t, func() { _ = m.Correct(&s, nil, keep, c, b) })
	assert.Zero(t, testing.AllocsPerRun(5, func() { _ = m.Correct(&s, w, keep, c, b) }))
}

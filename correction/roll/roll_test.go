package roll_test

import (
	"maps"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/correction/roll"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

func filter(agg string, ratio, diff bool) roll.Filter {
	f := roll.DefaultFilter(agg)
	f.RatioEnabled, f.DiffEnabled = ratio, diff
	return f
}

func TestNew(t *testing.T) {
	for policy, c := range map[string]roll.Config{
		"none":          {},
		"token-tis:1.2": {ISWeight: roll.DefaultISWeight(), Filters: []roll.Filter{{}, filter("token", false, false)}},
		"turn-tis:+Inf, geo-mask:0.8..1.2, mean-prob-diff:-0.2..0.2, sum-prob-diff:-0.2..0.2, turn-mask:0.8..1.2": {
			ISWeight: roll.ISWeight{Enabled: true, WeightType: "segment", UpperBound: math.Inf(1)},
			Filters:  []roll.Filter{filter("geometric", true, true), filter("sequence", false, true), filter("segment", true, false)},
		},
	} {
		m, err := roll.New(c)
		require.NoError(t, err, policy)
		assert.Equal(t, policy, m.Policy.String())
	}
	for _, c := range []roll.Config{
		{ISWeight: roll.ISWeight{Enabled: true, WeightType: "row", UpperBound: 1}},
		{ISWeight: roll.ISWeight{Enabled: true, WeightType: "token"}},
		{Filters: []roll.Filter{filter("row", true, true)}},
		{Filters: []roll.Filter{{Enabled: true, AggType: "token", DiffEnabled: true, DiffLow: 1}}},
	} {
		_, err := roll.New(c)
		assert.ErrorIs(t, err, roll.ErrConfig, "%+v", c)
	}
}

func TestMetrics(t *testing.T) {
	m, err := roll.New(roll.Config{
		ISWeight: roll.DefaultISWeight(),
		Filters:  []roll.Filter{filter("token", true, false), filter("geometric", true, false)},
	})
	require.NoError(t, err)
	c, err := correction.New(m.Policy)
	require.NoError(t, err)
	layout, err := rows.Ragged([]int64{0, 2, 4})
	require.NoError(t, err)
	s, err := c.Correct(nil, nil, &mismatch.Batch{
		Layout:  layout,
		Trainer: []float32{-1, -1, -1, -1},
		Rollout: []float32{-1, -0.9, -1.5, -1.6},
	})
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{
		"actor/is_weight_clipfrac@sum":                    0.5,
		"actor/train_infer_token_ratio_mask_mean@sum":     0.5,
		"actor/train_infer_geometric_ratio_mask_mean@sum": 0.5,
		"actor/train_infer_final_mask_mean":               0.5,
	}, maps.Collect(m.Metrics(s)))
	for name, x := range m.Metrics(new(correction.Stats)) {
		assert.Zero(t, x, name)
	}
}

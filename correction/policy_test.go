package correction_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/correction"
)

func TestParse(t *testing.T) {
	p, err := correction.Parse(" token-tis:2 ,geo-mask:0.99..1.01, max-k3:0.5,nonfinite:one ")
	require.NoError(t, err)
	assert.Equal(t, correction.Policy{
		Weight: correction.Weight{Rule: correction.Truncate, Level: correction.Token, Hi: 2},
		Filters: []correction.Filter{
			{Statistic: correction.Ratio, Level: correction.Mean, Lo: 0.99, Hi: 1.01},
			{Statistic: correction.K3, Level: correction.Maximum, Hi: 0.5},
		},
		NonFinite: correction.UnitWeight,
	}, p)

	for _, text := range []string{
		"none",
		"token-tis:2",
		"seq-clip:0.5..5, batch-norm",
		"geo-icepop:0.999..1.002, sum-k2:3, mean-k3:0.01, token-k2:1e-05, nonfinite:error",
		"seq-mask:0.5.., token-mask:..2, max-mask:..5, any-mask:0.0001..100, veto:0.0001",
		"token-k3-reverse:0.5, mean-abs-ratio:1.05, any-prob-diff:-0.2..0.2, sum-prob-diff:..1, token-age:0, max-age:4, opsm:0.05",
		"seq-mask-tis:0.999..1.002",
		"token-clip:0.5..5, batch-norm-all, nonfinite:drop-row",
		"turn-icepop:0.5..5, turn-mask:0.8..1.2, turn-prob-diff:-0.2..0.2, turn-k3:0.1",
		"token-tis:+Inf",
	} {
		p, err := correction.Parse(text)
		require.NoError(t, err, text)
		assert.Equal(t, text, p.String())
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"tis:2", "token-tis", "token-tis:", "token-tis:x", "token-tis:NaN", "token-tis:0.5..2", "token-tis:-1", "token-tis:0",
		"max-tis:2", "token-clip:2", "token-clip:2..1", "geo-k3:0.1", "sum-mask:0.5..2", "token-k3:0.1..2",
		"token-tis:2, seq-tis:2", "batch-norm", "batch-norm:1", "nonfinite:maybe", "nonfinite:", "token-tis:2,", ",", "token-", "-", "token",
		"token-mask:+Inf..", "seq-mask-tis:2", "token-raw:2", "max-raw", "veto", "veto:", "veto:-1", "veto:0..1", "opsm", "opsm:x", "token-opsm:1", "mean-", "token-age:-1",
		"geo-prob-diff:0..1", "token-prob-diff:1", "token-prob-diff:1..0", "seq-k3-reverse:1", "batch-norm-all", "seq-mask-tis:0.9..1.1, token-tis:2", "any-tis:2",
		"token-k2:1,token-k2:2,token-k2:3,token-k2:4,token-k2:5,token-k2:6,token-k2:7,token-k2:8,token-k2:9",
	} {
		_, err := correction.Parse(text)
		assert.ErrorIs(t, err, correction.ErrPolicy, text)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, p := range []correction.Policy{
		{Weight: correction.Weight{Hi: 2}},
		{Weight: correction.Weight{Rule: correction.Truncate, Lo: 1, Hi: 2}},
		{Weight: correction.Weight{Rule: correction.IcePop, Level: correction.Maximum, Hi: 2}},
		{Weight: correction.Weight{Rule: 77, Hi: 2}},
		{Weight: correction.Weight{Rule: correction.Clip, Lo: math.NaN(), Hi: 2}},
		{Filters: []correction.Filter{{Statistic: 9, Hi: 1}}},
		{Filters: []correction.Filter{{Statistic: correction.K3, Lo: 0.1, Hi: 1}}},
		{Normalize: 7},
		{Normalize: correction.BatchMean},
		{NonFinite: 7},
	} {
		_, err := correction.New(p)
		assert.ErrorIs(t, err, correction.ErrPolicy, "%v", p)
	}
}

func TestPolicyMarshals(t *testing.T) {
	p, err := correction.Parse("seq-tis:2, geo-mask:0.99..1.01")
	require.NoError(t, err)
	data, err := json.Marshal(map[string]correction.Policy{"policy": p})
	require.NoError(t, err)
	assert.JSONEq(t, `{"policy": "seq-tis:2, geo-mask:0.99..1.01"}`, string(data))
	var back map[string]correction.Policy
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, p, back["policy"])
	assert.Error(t, json.Unmarshal([]byte(`{"policy": "nonsense"}`), &back))
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "none", "token-tis:2, geo-mask:0.99..1.01", "max-k3:1e300", "seq-clip:..", "nonfinite:zero,batch-norm", "seq-mask-tis:0.9..1.1", "veto:1e-4,turn-prob-diff:-1..", "opsm:-0.5,any-age:0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := correction.Parse(s)
		if err != nil {
			require.ErrorIs(t, err, correction.ErrPolicy)
			return
		}
		again, err := correction.Parse(p.String())
		require.NoError(t, err)
		assert.Equal(t, p, again)
		_, err = correction.New(p)
		require.NoError(t, err)
	})
}

package loss_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/loss"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]loss.Config{
		"ppo":                                {Policy: loss.PPO{Low: 0.2, High: 0.2}},
		" ppo:0.2..0.28 ,dual:3,decoupled":   {Policy: loss.PPO{Low: 0.2, High: 0.28, Dual: 3}},
		"gspo":                               {Policy: loss.GSPO{Low: 3e-4, High: 4e-4}},
		"gspo:0.1, form:sequence, bound:20":  {Policy: loss.GSPO{Low: 0.1, High: 0.1, Form: loss.SequenceForm}},
		"cispo:1..4, bypass":                 {Policy: loss.CISPO{Low: 1, High: 4}, Mode: loss.Bypass},
		"dppo-tv, cap:20":                    {Policy: loss.DPPO{Low: 0.2, High: 0.2, Cap: 20}},
		"dppo-kl:0.05, form:ratio":           {Policy: loss.DPPO{Divergence: loss.BinaryKL, Low: 0.05, High: 0.05, Form: loss.RatioForm}},
		"sapo, agg:seq-mean-token-mean":      {Policy: loss.SAPO{Positive: 1, Negative: 1.05}, Aggregate: loss.Aggregation{Mode: loss.SeqMeanTokenMean}},
		"gmpo, bound:80":                     {Policy: loss.GMPO{Low: 0.4, High: 0.4}, Bound: 80},
		"reinforce, tis:2":                   {Policy: loss.Reinforce{Rule: loss.Truncate, Hi: 2}},
		"reinforce, icepop:0.5..5":           {Policy: loss.Reinforce{Rule: loss.IcePop, Lo: 0.5, Hi: 5}},
		"gpg, agg:constant:1e4":              {Policy: loss.GPG{}, Aggregate: loss.Aggregation{Mode: loss.Constant, Scale: 1e4}},
		"dro:0.05":                           {Policy: loss.DRO{Beta: 0.05}},
		"kimi, on-policy":                    {Policy: loss.Kimi{Tau: 0.1}, Mode: loss.OnPolicy},
		"topr":                               {Policy: loss.TOPR{Positive: 1, Negative: 1}},
		"vespo":                              {Policy: loss.DefaultVESPO},
		"vespo, lambda:3..1, k:2":            {Policy: loss.VESPO{KPositive: 2, LambdaPositive: 3, KNegative: 2, LambdaNegative: 1}},
		"m2po":                               {Policy: loss.M2PO{Tau: 0.04}},
		"prime-rl":                           {Policy: loss.PrimeRL{Low: 0.2, High: 0.2, Kappa: 1e-3}},
		"ipo:0.1, kappa:0":                   {Policy: loss.IPO{Threshold: 0.1}},
		"dapo":                               {Policy: loss.PPO{Low: 0.2, High: 0.28}},
		"minirl":                             {Policy: loss.Importance{}, Mode: loss.Bypass},
		"grpo, kl:low-var+:0.001":            {Policy: loss.PPO{Low: 0.2, High: 0.2}, Aggregate: loss.Aggregation{Mode: loss.SeqMeanTokenMean}, Reference: loss.ReferenceKL{Estimator: loss.LowVar, Coef: 0.001, StraightThrough: true}},
		"gpg, kl:k3:1, kl-weight:score":      {Policy: loss.GPG{}, Reference: loss.ReferenceKL{Estimator: loss.K3, Coef: 1, Weight: loss.ScoreFunction}},
		"ppo, nonfinite:zero, agg:token-sum": {Policy: loss.PPO{Low: 0.2, High: 0.2}, NonFinite: loss.ZeroWeight, Aggregate: loss.Aggregation{Mode: loss.TokenSum}},
	} {
		got, err := loss.Parse(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
		again, err := loss.Parse(got.String())
		require.NoError(t, err, got.String())
		assert.Equal(t, got, again, got.String())
	}
	c, err := loss.Parse("ppo:0.2..0.28, agg:seq-mean-token-sum-norm:4096, dual:3, kl:k3:0.001, bypass, nonfinite:error, bound:10")
	require.NoError(t, err)
	assert.Equal(t, "ppo:0.2..0.28, dual:3, bypass, agg:seq-mean-token-sum-norm:4096, kl:k3:0.001, bound:10, nonfinite:error", c.String())
	data, err := json.Marshal(c)
	require.NoError(t, err)
	var back loss.Config
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, c, back)
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "an empty term",
		"ppo,":                           "an empty term",
		"pop":                            `"pop" is no policy loss`,
		"ppo, gspo":                      `"gspo" is not known here`,
		"cispo, dual:3":                  `"dual:3" is not known here`,
		"ppo:x":                          `"ppo:x" is not a number`,
		"ppo:0.2..nan":                   `"ppo:nan" is not a number`,
		"ppo:-1":                         "low is -1, want 0 or more",
		"ppo, dual:1":                    "dual is 1, want a number above 1",
		"dppo-tv, form:sequence":         "want token or ratio",
		"dppo-tv, form:ratio, cap:2":     "want none in the ratio form",
		"gspo, form:ratio":               "want token or sequence",
		"gspo, form:both":                "is none of token, sequence, ratio",
		"dro":                            "beta is 0",
		"kimi:1e13":                      "tau is 1e+13",
		"sapo:0..1":                      "positive is 0",
		"reinforce:2":                    "takes no value",
		"reinforce, tis:0":               "more than lo",
		"reinforce, tis:2, icepop:1..2":  "is a second rule",
		"reinforce, icepop:2":            "more than lo",
		"m2po:0":                         "tau is 0",
		"vespo, k:0":                     "k or lambda is 0",
		"topr:-1":                        "positive is -1",
		"ipo, kappa:inf":                 "kappa is +Inf",
		"gpg, agg:mean":                  `"agg:mean" is none of token-mean`,
		"gpg, agg:constant":              "not a positive number",
		"gpg, agg:constant:0":            "not a positive number",
		"gpg, agg:token-mean:2":          "takes no constant",
		"gpg, kl:k4:1":                   "is none of k1",
		"gpg, kl:k3":                     "is not a number",
		"gpg, kl:k3:0":                   "has no coefficient",
		"gpg, kl:k3:-1":                  "not a positive number",
		"gpg, kl-weight:score":           "without a coefficient",
		"gpg, kl:k3+:1, kl-weight:score": "no weight",
		"gpg, bound:100":                 "outside 0…80",
		"gpg, bypass:1":                  "takes no value",
		"gpg, nonfinite:maybe":           "is none of drop, zero, error",
	} {
		_, err := loss.Parse(text)
		assert.ErrorIs(t, err, loss.ErrConfig, text)
		assert.ErrorContains(t, err, want, text)
	}
	for _, c := range []loss.Config{
		{},
		{Policy: &loss.M2PO{Tau: 1}},
		{Policy: (*loss.GPG)(nil)},
		{Policy: loss.GPG{}, Mode: 9},
		{Policy: loss.GPG{}, NonFinite: 9},
		{Policy: loss.GPG{}, Bound: math.NaN()},
		{Policy: loss.GPG{}, Aggregate: loss.Aggregation{Mode: 99}},
		{Policy: loss.GPG{}, Reference: loss.ReferenceKL{Coef: 1, Estimator: 9}},
		{Policy: loss.GPG{}, Reference: loss.ReferenceKL{Coef: 1, Weight: 9}},
		{Policy: loss.DPPO{Divergence: 9}},
		{Policy: loss.DPPO{Cap: -1}},
		{Policy: loss.Reinforce{Rule: 9, Hi: 1}},
		{Policy: loss.Reinforce{Hi: 1}},
		{Policy: loss.Reinforce{Rule: loss.Truncate, Lo: 1, Hi: 2}},
		{Policy: loss.SAPO{Positive: 1}},
		{Policy: loss.TOPR{Negative: math.NaN()}},
		{Policy: loss.PPO{High: -1}},
		{Policy: loss.PrimeRL{Kappa: -1}},
	} {
		_, err := loss.New(c)
		assert.ErrorIs(t, err, loss.ErrConfig)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range configs {
		f.Add(text)
	}
	f.Add("grpo, kl:low-var+:0.001, agg:constant:5, bypass, bound:3")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := loss.Parse(text)
		if err != nil {
			assert.ErrorIs(t, err, loss.ErrConfig)
			return
		}
		again, err := loss.Parse(c.String())
		require.NoError(t, err, c.String())
		assert.Equal(t, c, again)
	})
}

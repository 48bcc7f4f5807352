package logprob_test

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
	"github.com/trueup-rl/trueup/internal/safetensors"
	"github.com/trueup-rl/trueup/logprob"
)

// TestRealLogits compares with figures worked out in float64 by other code from
// the logits of a real model and of its NVFP4 copy.
func TestRealLogits(t *testing.T) {
	f, err := safetensors.Open(filepath.Join(golden.Data(t, "logits"), "logits.safetensors"))
	require.NoError(t, err)
	column := func(name string) []float64 {
		v, err := f.F64(name)
		require.NoError(t, err)
		return v
	}
	logits := func(name string, rows int) logprob.Matrix[bf16.BF16] {
		bits, err := f.BF16(name)
		require.NoError(t, err)
		m := logprob.Matrix[bf16.BF16]{Logits: make([]bf16.BF16, len(bits)), Cols: len(bits) / rows, Stride: len(bits) / rows}
		for i, b := range bits {
			m.Logits[i] = bf16.FromBits(b)
		}
		return m
	}
	tokens, err := f.I32("token")
	require.NoError(t, err)
	rollout, trainer := logits("rollout_logits", len(tokens)), logits("trainer_logits", len(tokens))

	kerneltest.EachLevel(t, func(t *testing.T) {
		for _, policy := range []struct {
			logits           logprob.Matrix[bf16.BF16]
			logProb, entropy []float64
		}{
			{rollout, column("rollout_logprob"), column("entropy_rollout")},
			{trainer, column("trainer_logprob"), column("entropy_trainer")},
		} {
			rows := make([]logprob.Row, len(tokens))
			logprob.Rows(rows, policy.logits, tokens, 1, 2)
			worst, worstEntropy := 0.0, 0.0
			for i, r := range rows {
				worst = max(worst, math.Abs(r.LogProb-policy.logProb[i]))
				worstEntropy = max(worstEntropy, math.Abs(r.Entropy-policy.entropy[i]))
				require.Zero(t, r.NonFinite)
			}
			t.Logf("worst error of log-probabilities %.2g, of entropies %.2g", worst, worstEntropy)
			assert.Less(t, worst, 1e-7)
			assert.Less(t, worstEntropy, 2e-7)
		}
	})

	kl, reverse, chi, tv := column("kl_rt"), column("kl_tr"), column("chi2"), column("tv")
	kerneltest.EachLevel(t, func(t *testing.T) {
		divergences := make([]logprob.Divergence, len(tokens))
		logprob.BetweenRows(divergences, rollout, trainer, 1, 2)
		worst := 0.0
		for i, d := range divergences {
			for _, c := range [][2]float64{{kl[i], d.KL}, {reverse[i], d.ReverseKL}, {chi[i], d.ChiSquare}, {tv[i], d.TotalVariation}} {
				worst = max(worst, math.Abs(c[0]-c[1])/c[0])
			}
		}
		t.Logf("worst relative error of divergences %.2g", worst)
		assert.Less(t, worst, 5e-7)
	})
}

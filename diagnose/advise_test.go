package diagnose_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/diagnose"
	"github.com/trueup-rl/trueup/internal/sample"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

// advise returns the advice on a batch, for the default grid if there is no text.
func advise(t *testing.T, p *planted, advantage []float32, texts ...string) diagnose.Advice {
	var policies []correction.Policy
	for _, text := range texts {
		policy, err := correction.Parse(text)
		require.NoError(t, err)
		policies = append(policies, policy)
	}
	a, err := diagnose.NewAdvisor(policies)
	require.NoError(t, err)
	require.NoError(t, a.Add(&p.Batch, p.Prompt, advantage))
	return a.Advice(1)
}

// TestAdviceAgainstExact: what a cap of 2 loses, from samples, is what the sums
// over the whole vocabulary say, in every precision; the ESS of untruncated
// weights is 1/(1+χ²) until FP4 is severe, and there it says so.
func TestAdviceAgainstExact(t *testing.T) {
	data, err := os.ReadFile("../testdata/data/smollm2/summary.json")
	require.NoError(t, err)
	var summary struct {
		Rollouts map[string]struct {
			Loss float64 `json:"tis2_loss"`
			Chi2 float64 `json:"chi2"`
			KL   float64 `json:"kl_rt"`
		}
	}
	require.NoError(t, json.Unmarshal(data, &summary))
	for _, precision := range sample.SmolLM2().Precisions {
		exact := summary.Rollouts[precision]
		a := advise(t, real(t, precision, nil), nil, "token-tis:2", "token-tis:1e6")
		c := a.Candidates
		capped, raw := c[0], c[1]
		assert.InEpsilon(t, exact.KL, a.K3, 0.06, precision)
		assert.InDelta(t, 1-exact.Loss, capped.Mass.Value, 3*capped.Mass.SE+1e-5, precision)
		assert.Empty(t, capped.Doubt, precision)
		if ess := 1 / (1 + exact.Chi2); raw.Doubt == "" {
			assert.InDelta(t, ess, raw.ESS.Value, 3*raw.ESS.SE, precision)
		} else {
			assert.Greater(t, raw.ESS.Value, ess+0.1, precision)
			assert.Contains(t, "nvfp4_w4a16 nvfp4_w4a4 mxfp4_w4a16", precision)
		}
	}
}

// TestAdviceOnRealRollouts orders corrections as the gradients of the data set's
// own study do: no correction is fine but in severe FP4, where a cap on tokens is
// nearer, and rules on whole rows lose the gradient.
func TestAdviceOnRealRollouts(t *testing.T) {
	find := func(a diagnose.Advice, text string) diagnose.Candidate {
		for _, c := range a.Candidates {
			if c.Policy.String() == text {
				return c
			}
		}
		require.Fail(t, text)
		return diagnose.Candidate{}
	}
	for _, precision := range []string{"bf16", "fp8_tensor", "fp8_block128"} {
		a := advise(t, real(t, precision, nil), nil)
		assert.Less(t, find(a, "none").Bias.Value, 0.01, precision)
		pick, ok := a.Pick(diagnose.MinimumMSE, 0)
		require.True(t, ok)
		assert.Less(t, pick.Rejected, 0.01, precision)
	}
	a := advise(t, real(t, "nvfp4_w4a4", nil), nil)
	none, cap5, window := find(a, "none"), find(a, "token-tis:5"), find(a, "token-tis:2, geo-mask:0.9..1.1")
	assert.Greater(t, none.Bias.Value, 0.08)
	assert.Less(t, cap5.MSE.Value+2*cap5.MSE.SE, none.MSE.Value)
	assert.Greater(t, window.Bias.Value, 0.4)
	pick, ok := a.Pick(diagnose.MinimumMSE, 0)
	require.True(t, ok)
	assert.Equal(t, "token-tis:5", pick.Policy.String())
	assert.NotEmpty(t, find(a, "seq-tis:2").Doubt)

	pick, ok = a.Pick(diagnose.TargetESS, 0.8)
	require.True(t, ok)
	assert.GreaterOrEqual(t, pick.ESS.Value, 0.8)
	pick, ok = a.Pick(diagnose.TargetRejection, 0.2)
	require.True(t, ok)
	assert.LessOrEqual(t, pick.Rejected, 0.2)
	_, ok = a.Pick(diagnose.TargetESS, 1.5)
	assert.False(t, ok)
}

// TestAdviceFormulas computes the figures of a small batch anew.
func TestAdviceFormulas(t *testing.T) {
	p := &planted{}
	p.Trainer = []float32{-0.05, -1.5, -3, -0.7, -2.5, -1}
	p.Rollout = []float32{-0.10, -1.0, -2, -0.9, -3.5, -1}
	p.Mask = []uint8{1, 1, 1, 1, 1, 0}
	p.Prompt = []int32{7, 9}
	var err error
	p.Layout, err = rows.Ragged([]int64{0, 3, 6})
	require.NoError(t, err)
	advantage := []float64{1, -0.5}
	c := advise(t, p, []float32{1, -0.5}, "token-tis:2, token-mask:0.5..").Candidates[0]

	class := []int{5, 2, 1, 3, 1} // p = 0.95, 0.22, 0.05, 0.50, 0.08
	w := make([]float64, 5)
	var theta, bias [2][6]float64
	var n [2]float64
	scale, sum, squares := 0.0, 0.0, 0.0
	for i := range 5 {
		row := i / 3
		rho := math.Exp(float64(p.Trainer[i]) - float64(p.Rollout[i]))
		if w[i] = min(rho, 2); rho < 0.5 {
			w[i] = 0
		}
		f := advantage[row] * (1 - math.Exp(float64(p.Trainer[i])))
		scale += math.Abs(f) / 5
		n[row]++
		theta[row][class[i]] += w[i] * f
		bias[row][class[i]] += (w[i] - rho) * f
		sum += w[i]
		squares += w[i] * w[i]
	}
	variance, biasSq, biasErr := 0.0, 0.0, 0.0
	for k := range 6 {
		mean, b := (theta[0][k]+theta[1][k])/5, (bias[0][k]+bias[1][k])/5
		biasSq += b * b
		for row := range 2 {
			variance += math.Pow(theta[row][k]-mean*n[row], 2) * 2 / 25
			biasErr += math.Pow(bias[row][k]-b*n[row], 2) * 2 / 25
		}
	}
	assert.InDelta(t, 0.2, c.Rejected, 1e-12)
	assert.InDelta(t, sum*sum/5/squares, c.ESS.Value, 1e-6)
	assert.InDelta(t, math.Sqrt(variance)/scale, c.StdErr, 1e-6)
	assert.InDelta(t, math.Sqrt(max(0, biasSq-biasErr))/scale, c.Bias.Value, 1e-6)
	assert.InDelta(t, (max(0, biasSq-biasErr)+variance)/scale/scale, c.MSE.Value, 1e-6)
	assert.Contains(t, c.Doubt, "too few")
}

// TestBootstrapErrors: over independent batches, figures scatter as much as their
// standard errors say.
func TestBootstrapErrors(t *testing.T) {
	batches := 40.0
	if testing.Short() {
		batches = 12
	}
	var mass, ess []float64
	massSE, essSE := 0.0, 0.0
	for seed := range uint64(batches) {
		p := sampler{noise: 0.5, sampled: 1, scored: 1, seed: seed}.batch(t)
		c := advise(t, p, nil, "token-tis:2").Candidates[0]
		mass, ess = append(mass, c.Mass.Value), append(ess, c.ESS.Value)
		massSE += c.Mass.SE / batches
		essSE += c.ESS.SE / batches
	}
	assert.InEpsilon(t, deviationOf(mass), massSE, 0.5)
	assert.InEpsilon(t, deviationOf(ess), essSE, 0.5)
}

func deviationOf(x []float64) float64 {
	mean, squares := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	return math.Sqrt(squares / float64(len(x)-1))
}

// TestAdviceFromHistory: batches one by one are the batch as a whole, and one
// seed gives one answer.
func TestAdviceFromHistory(t *testing.T) {
	p := real(t, "nvfp4_mixed", nil)
	whole := advise(t, p, nil)
	assert.Equal(t, whole, advise(t, p, nil))
	assert.Equal(t, 24, whole.Prompts)

	a, err := diagnose.NewAdvisor(nil)
	require.NoError(t, err)
	for i := range p.Prompt {
		layout, err := rows.Ragged(p.offsets[i : i+2])
		require.NoError(t, err)
		b := p.Batch
		b.Layout = layout
		require.NoError(t, a.Add(&b, p.Prompt[i:i+1], nil))
	}
	assert.Equal(t, whole, a.Advice(1))
	assert.NotEqual(t, whole.Candidates[4].ESS.SE, a.Advice(2).Candidates[4].ESS.SE)
}

func TestAdvisorRefuses(t *testing.T) {
	for text, want := range map[string]error{"token-tis:2, batch-norm": diagnose.ErrNormalize, "none": nil} {
		policy, err := correction.Parse(text)
		require.NoError(t, err)
		_, err = diagnose.NewAdvisor([]correction.Policy{policy})
		assert.ErrorIs(t, err, want)
	}
	_, err := diagnose.NewAdvisor([]correction.Policy{{Weight: correction.Weight{Rule: 99}}})
	assert.ErrorIs(t, err, correction.ErrPolicy)

	a, err := diagnose.NewAdvisor(nil)
	require.NoError(t, err)
	assert.Empty(t, a.Advice(1).Candidates)
	p := real(t, "bf16", nil)
	assert.Panics(t, func() { _ = a.Add(&p.Batch, make([]int32, 3), nil) })
	p.Trainer = p.Trainer[:5]
	assert.ErrorIs(t, a.Add(&p.Batch, nil, nil), mismatch.ErrShape)
}

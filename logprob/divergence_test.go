package logprob_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
	"github.com/trueup-rl/trueup/logprob"
)

const prec = 300

func bigF(x float64) *big.Float { return new(big.Float).SetPrec(prec).SetFloat64(x) }

// bigExp sums the Taylor series of e^(x/2²⁰) and squares twenty times.
func bigExp(x *big.Float) *big.Float {
	const halvings = 20
	y := new(big.Float).SetPrec(prec).Set(x)
	y.SetMantExp(y, -halvings)
	sum, term := bigF(1), bigF(1)
	for i := 1; i < 30; i++ {
		term.Mul(term, y).Quo(term, bigF(float64(i)))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return sum
}

// bigLog is Newton's iteration on bigExp.
func bigLog(x *big.Float) *big.Float {
	f, _ := x.Float64()
	y := bigF(math.Log(f))
	for range 4 {
		e := bigExp(y)
		step := new(big.Float).SetPrec(prec).Sub(x, e)
		y.Add(y, step.Quo(step, e))
	}
	return y
}

// bigDivergence has the textbook formulas in 300 bits.
func bigDivergence(rollout, trainer []float32, a float32) logprob.Divergence {
	softmax := func(x []float32) (p, logP []*big.Float) {
		total := bigF(0)
		for _, v := range x {
			z := bigF(float64(v))
			z.Mul(z, bigF(float64(a)))
			logP = append(logP, z)
			p = append(p, bigExp(z))
			total.Add(total, p[len(p)-1])
		}
		lse := bigLog(total)
		for i := range p {
			p[i].Quo(p[i], total)
			logP[i].Sub(logP[i], lse)
		}
		return p, logP
	}
	p, logP := softmax(rollout)
	q, logQ := softmax(trainer)
	kl, reverse, chi, tv := bigF(0), bigF(0), bigF(-1), bigF(0)
	for i := range p {
		d := new(big.Float).SetPrec(prec).Sub(logP[i], logQ[i])
		kl.Add(kl, new(big.Float).Mul(p[i], d))
		reverse.Sub(reverse, new(big.Float).Mul(q[i], d))
		r := new(big.Float).Mul(q[i], q[i])
		chi.Add(chi, r.Quo(r, p[i]))
		d.Sub(p[i], q[i])
		tv.Add(tv, d.Abs(d))
	}
	f := func(x *big.Float) float64 { v, _ := x.Float64(); return v }
	return logprob.Divergence{KL: f(kl), ReverseKL: f(reverse), ChiSquare: f(chi), TotalVariation: f(tv) / 2}
}

// TestBetween includes rows so close that their divergences are below 1e-12.
func TestBetween(t *testing.T) {
	type pair struct {
		rollout, trainer []float32
		invTemp          float32
		spread           float64
		want             logprob.Divergence
	}
	var pairs []pair
	rng := rand.New(rand.NewPCG(1, 1))
	for _, spread := range []float64{0, 1e-6, 1e-3, 0.1, 1, 10, 100} {
		for _, a := range []float32{1, 0.7} {
			p := row(rng, 150)
			q := make([]float32, len(p))
			for i := range q {
				q[i] = p[i] + float32(spread*rng.NormFloat64())
			}
			pairs = append(pairs, pair{p, q, a, spread, bigDivergence(p, q, a)})
		}
	}
	kerneltest.EachLevel(t, func(t *testing.T) {
		for _, p := range pairs {
			got := logprob.Between(p.rollout, p.trainer, p.invTemp)
			near := func(want, got float64) {
				t.Helper()
				// At a spread of 1e-6, two places of the logits, they have no more digits.
				assert.InDelta(t, want, got, 1e-6*want+1e-16, "spread %v", p.spread)
			}
			near(p.want.KL, got.KL)
			near(p.want.ReverseKL, got.ReverseKL)
			near(p.want.ChiSquare, got.ChiSquare)
			near(p.want.TotalVariation, got.TotalVariation)

			enc, values := encode(p.rollout)
			assert.Equal(t, logprob.Between(values, p.trainer, p.invTemp), logprob.Between(enc, p.trainer, p.invTemp))
			assert.Equal(t, logprob.Between(p.trainer, values, p.invTemp), logprob.Between(p.trainer, enc, p.invTemp))
			assert.Equal(t, logprob.Between(values, values, p.invTemp), logprob.Between(enc, enc, p.invTemp))
		}
	})
}

// TestBetweenSure has rows with almost all mass on one token, whose probability
// alone the log-sum-exps do not give to the digits that the rest needs.
func TestBetweenSure(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	p := row(rng, 200)
	p[7] += 25
	q := append([]float32(nil), p...)
	for i := range q {
		q[i] += float32(0.01 * rng.NormFloat64())
	}
	want := bigDivergence(p, q, 1)
	kerneltest.EachLevel(t, func(t *testing.T) {
		got := logprob.Between(p, q, 1)
		assert.InEpsilon(t, want.KL, got.KL, 1e-6)
		assert.InEpsilon(t, want.ReverseKL, got.ReverseKL, 1e-6)
		assert.InEpsilon(t, want.ChiSquare, got.ChiSquare, 1e-6)
		assert.InEpsilon(t, want.TotalVariation, got.TotalVariation, 1e-6)
	})
}

func TestBetweenEdges(t *testing.T) {
	inf := math.Inf(1)
	half := float64(0.5)
	both, left := []float32{3, 3}, []float32{7, -inf32}
	got := logprob.Between(both, left, 1)
	assert.Equal(t, inf, got.KL, "the trainer cannot choose what was sampled")
	assert.InDelta(t, math.Ln2, got.ReverseKL, 1e-15)
	assert.InDelta(t, 1, got.ChiSquare, 1e-15)
	assert.InDelta(t, half, got.TotalVariation, 1e-15)
	got = logprob.Between(left, both, 1)
	assert.InDelta(t, math.Ln2, got.KL, 1e-15)
	assert.Equal(t, logprob.Divergence{KL: got.KL, ReverseKL: inf, ChiSquare: inf, TotalVariation: got.TotalVariation}, got)
	assert.InDelta(t, half, got.TotalVariation, 1e-15)

	// Both are sure, of different tokens; the other one's probability underflows.
	far, raf := []float32{0, 2000}, []float32{2000, 0}
	got = logprob.Between(far, raf, 1)
	assert.Equal(t, logprob.Divergence{KL: 2000, ReverseKL: 2000, ChiSquare: inf, TotalVariation: 1}, got)
	got = logprob.Between([]float32{0, 2000, -inf32}, []float32{0, 3000, -inf32}, 1)
	assert.Equal(t, logprob.Divergence{}, got)

	for _, bad := range [][]float32{{nan32, 1}, {inf32, 1}, {-inf32, -inf32}, {3e9, 1}} {
		for _, d := range []logprob.Divergence{logprob.Between(bad, both, 1), logprob.Between(both, bad, 1)} {
			assert.Equal(t, 1, d.NonFinite)
			for _, v := range []float64{d.KL, d.ReverseKL, d.ChiSquare, d.TotalVariation} {
				assert.True(t, math.IsNaN(v))
			}
		}
	}
	assert.Equal(t, 2, logprob.Between([]float32{}, []float32{}, 1).NonFinite)
	assert.PanicsWithValue(t, "logprob: lengths of the rows differ", func() { logprob.Between(both, far[:1], 1) })
}

func TestBetweenRows(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(2, 2))
		const rows, cols = 5, 300
		p := logprob.Matrix[float32]{Logits: row(rng, rows*310), Cols: cols, Stride: 310}
		q := logprob.Matrix[float32]{Logits: row(rng, rows*cols), Cols: cols, Stride: cols}
		want := make([]logprob.Divergence, rows)
		for i := range want {
			want[i] = logprob.Between(p.Logits[i*310:][:cols], q.Logits[i*cols:][:cols], 1)
		}
		for _, workers := range []int{1, 2, 7} {
			got := make([]logprob.Divergence, rows)
			logprob.BetweenRows(got, p, q, 1, workers)
			assert.Equal(t, want, got)
		}
		q.Cols--
		assert.PanicsWithValue(t, "logprob: lengths of the rows differ", func() { logprob.BetweenRows(want, p, q, 1, 1) })
	})
}

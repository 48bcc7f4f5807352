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

func TestBetween(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, spread := range []float64{0, 1e-6, 1e-3, 0.1, 1, 10, 100} {
		for _, a := range []float32{1, 0.7} {
			p := row(rng, 150)
			q := make([]float32, len(p))
			for i := range q {
				q[i] = p[i] + float32(spread*rng.NormFloat64())
			}
			want, got := bigDivergence(p, q, a), logprob.Between(p, q, a)
			near := func(want, got float64) {
				t.Helper()
				assert.InDelta(t, want, got, 1e-12*want+1e-16, "spread %v", spread)
			}
			near(want.KL, got.KL)
			near(want.ReverseKL, got.ReverseKL)
			near(want.ChiSquare, got.ChiSquare)
			near(want.TotalVariation, got.TotalVariation)

			enc, values := encode(p)
			assert.Equal(t, logprob.Between(values, q, a), logprob.Between(enc, q, a))
			assert.Equal(t, logprob.Between(q, values, a), logprob.Between(q, enc, a))
		}
	}
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

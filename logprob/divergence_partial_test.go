package logprob_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
	"github.com/trueup-rl/trueup/logprob"
)

// logSumExp is of a whole row.
func logSumExp(x []float32, a float32) float64 { return logprob.Of(x, 0, a).LogSumExp }

// near is a row with noise.
func near(rng *rand.Rand, x []float32) []float32 {
	y := make([]float32, len(x))
	for i := range y {
		y[i] = x[i] + float32(0.3*rng.NormFloat64())
	}
	return y
}

// TestDivergenceShards merges shards of two rows, out of order.
func TestDivergenceShards(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 9))
		const n, a = 20_000, 1.25
		x := row(rng, n)
		y := near(rng, x)
		y[n/2] = -inf32 // a KL of +Inf
		lseX, lseY := logSumExp(x, a), logSumExp(y, a)
		whole := logprob.DivergencePartialOf(x, y, lseX, lseY, a)
		assert.Equal(t, logprob.Between(x, y, a), whole.Divergence())
		assert.Equal(t, math.Inf(1), whole.Divergence().KL)
		for _, unit := range []int{4096, 1} {
			var parts []logprob.DivergencePartial
			for from := 0; from < n; {
				to := min(n, from+unit*(1+rng.IntN(2*4096/unit)))
				parts = append(parts, logprob.DivergencePartialOf(x[from:to], y[from:to], lseX, lseY, a))
				from = to
			}
			rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
			var p logprob.DivergencePartial
			for _, part := range parts {
				wire, err := part.MarshalBinary()
				assert.NoError(t, err)
				var q logprob.DivergencePartial
				assert.NoError(t, q.UnmarshalBinary(wire))
				assert.Equal(t, part, q)
				p.Merge(&q)
			}
			if unit == 4096 {
				assert.Equal(t, whole, p)
			}
			want, got := whole.Divergence(), p.Divergence()
			assert.InEpsilon(t, want.ReverseKL, got.ReverseKL, 1e-6)
			assert.InEpsilon(t, want.ChiSquare, got.ChiSquare, 1e-6)
			assert.InEpsilon(t, want.TotalVariation, got.TotalVariation, 1e-6)
		}
	})
}

// TestDivergenceReferences gives log-sum-exps that are off.
func TestDivergenceReferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 9))
	x := row(rng, 5000)
	y := near(rng, x)
	want := bigDivergence(x[:300], y[:300], 1)
	lseX, lseY := logSumExp(x[:300], 1), logSumExp(y[:300], 1)
	kerneltest.EachLevel(t, func(t *testing.T) {
		for _, off := range []float64{-1e-4, 1e-5, 1e-4} {
			p := logprob.DivergencePartialOf(x[:300], y[:300], lseX-3*off, lseY+off, 1)
			got := p.Divergence()
			assert.InEpsilon(t, want.KL, got.KL, 1e-6)
			assert.InEpsilon(t, want.ReverseKL, got.ReverseKL, 1e-6)
			assert.InEpsilon(t, want.ChiSquare, got.ChiSquare, 1e-6)
			// One token has almost all mass, and an ln(q/p) below the offset.
			assert.InDelta(t, want.TotalVariation, got.TotalVariation, 4*math.Abs(off))
		}
	})
}

func TestDivergencePartialFaults(t *testing.T) {
	nan := math.NaN()
	x, y := []float32{1, nan32, 2}, []float32{inf32, 1, 1}
	p := logprob.DivergencePartialOf(x[:2], y[:2], nan, nan, 1)
	q := logprob.DivergencePartialOf(x[2:], y[2:], nan, nan, 1)
	empty := logprob.DivergencePartial{}
	p.Merge(&empty)
	p.Merge(&q)
	d := p.Divergence()
	assert.Equal(t, 2, d.NonFinite)
	assert.True(t, math.IsNaN(d.KL))

	p = logprob.DivergencePartialOf([]float32{1}, []float32{-inf32}, 1, math.Inf(-1), 1)
	empty.Merge(&p)
	assert.Equal(t, p, empty)
	assert.Equal(t, 1, empty.Divergence().NonFinite)

	assert.PanicsWithValue(t, "logprob: partials of different pairs of rows", func() { p.Merge(&q) })
	assert.PanicsWithValue(t, "logprob: no partial was merged", func() { new(logprob.DivergencePartial).Divergence() })
}

func FuzzDivergencePartialBinary(f *testing.F) {
	p := logprob.DivergencePartialOf([]float32{1, 2, 3}, []float32{1, 3, -inf32}, 3.4, 3.1, 1)
	data, _ := p.AppendBinary(nil)
	f.Add(data)
	f.Add(make([]byte, len(data)))
	f.Fuzz(func(t *testing.T, data []byte) {
		var q logprob.DivergencePartial
		if err := q.UnmarshalBinary(data); err != nil {
			assert.ErrorIs(t, err, logprob.ErrPartial)
			assert.Equal(t, logprob.DivergencePartial{}, q)
			return
		}
		back, _ := q.AppendBinary(nil)
		if len(data) > 0 && data[0] == 1 && q != (logprob.DivergencePartial{}) {
			assert.Equal(t, data, back)
			q.Divergence()
		}
	})
}

package logprob_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
	"github.com/trueup-rl/trueup/logprob"
)

// TestShardsSameBits merges shards cut at multiples of 4,096, in index order and
// out of it, and in a tree.
func TestShardsSameBits(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 1))
		const n = 40_000
		for _, spread := range []float32{0.1, 1, 30, 1000} {
			x := row(rng, n)
			for i := range x {
				x[i] *= spread * float32(i%7)
			}
			token := rng.IntN(n)
			whole := logprob.PartialOf(x, 0, token, 1.5)
			for range 10 {
				var parts []logprob.Partial
				for from := 0; from < n; {
					to := min(n, from+4096*(1+rng.IntN(4)))
					parts = append(parts, logprob.PartialOf(x[from:to], from, token, 1.5))
					from = to
				}
				rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
				for len(parts) > 1 {
					i := rng.IntN(len(parts) - 1)
					parts[i].Merge(&parts[i+1])
					parts = append(parts[:i+1], parts[i+2:]...)
				}
				assert.Equal(t, whole, parts[0])
				assert.Equal(t, logprob.Of(x, token, 1.5), parts[0].Row())
			}
		}
	})
}

func TestShardsAnywhere(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(2, 2))
		for range 10 {
			n := 10_000 + rng.IntN(10_000)
			x := row(rng, n)
			token := rng.IntN(n)
			var p logprob.Partial
			for from := 0; from < n; {
				to := min(n, from+1+rng.IntN(5000))
				shard := logprob.PartialOf(x[from:to], from, token, 1)
				assert.Equal(t, token >= from && token < to, shard.Held())
				p.Merge(&shard)
				from = to
			}
			want, got := logprob.Of(x, token, 1), p.Row()
			assert.InDelta(t, want.LogProb, got.LogProb, 1e-7)
			assert.InDelta(t, want.LogSumExp, got.LogSumExp, 1e-7)
			assert.InDelta(t, want.Entropy, got.Entropy, 1e-6)
		}
	})
}

func TestPartialOfFaults(t *testing.T) {
	a := logprob.PartialOf([]float32{1, nan32}, 0, 1, 1)
	b := logprob.PartialOf([]float32{inf32, 2, nan32}, 2, 1, 1)
	empty := logprob.PartialOf([]float32{}, 5, 1, 1)
	a.Merge(&b)
	a.Merge(&empty)
	r := a.Row()
	assert.Equal(t, 3, r.NonFinite)
	assert.True(t, math.IsNaN(r.LogProb))
	assert.Equal(t, logprob.Partial{}, empty)
	assert.PanicsWithValue(t, "logprob: two partials hold the token", func() { a.Merge(&a) })
}

func TestPartialBinary(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, p := range []logprob.Partial{
		{},
		logprob.PartialOf(row(rng, 5000), 100, 200, 1),
		logprob.PartialOf([]float32{-1e9, -5e8}, 0, 7, 1),
		logprob.PartialOf([]float32{-inf32, nan32}, 0, 0, 1),
	} {
		data, err := p.AppendBinary([]byte("x"))
		assert.NoError(t, err)
		assert.Equal(t, byte('x'), data[0])
		assert.Len(t, data, 1+logprob.PartialSize)
		var q logprob.Partial
		assert.NoError(t, q.UnmarshalBinary(data[1:]))
		assert.Equal(t, p, q)
	}
}

func FuzzPartialBinary(f *testing.F) {
	p := logprob.PartialOf([]float32{1, 2, 3}, 0, 1, 1)
	data, _ := p.AppendBinary(nil)
	f.Add(data)
	f.Add(make([]byte, len(data)))
	f.Fuzz(func(t *testing.T, data []byte) {
		var q logprob.Partial
		if err := q.UnmarshalBinary(data); err != nil {
			assert.ErrorIs(t, err, logprob.ErrPartial)
			assert.Equal(t, logprob.Partial{}, q)
			return
		}
		back, _ := q.AppendBinary(nil)
		assert.Equal(t, data, back)
		if q.Held() {
			if r := q.Row(); r.NonFinite == 0 {
				assert.False(t, math.IsNaN(r.LogProb) || math.IsNaN(r.LogSumExp) || math.IsNaN(r.Entropy), "%+v", r)
			}
		}
		r := logprob.PartialOf([]float32{1, 2, 3}, 0, 7, 1)
		q.Merge(&r)
	})
}

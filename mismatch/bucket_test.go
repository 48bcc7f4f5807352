package mismatch_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

// versionedBatch is randomBatch with versions: one, two or many in a row, some
// of them newer than the trainer.
func versionedBatch(t *testing.T, seed uint64) *mismatch.Batch {
	b := randomBatch(t, seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	b.Current = 50
	for i := range b.Layout.Rows() {
		start, end := b.Layout.Row(i)
		v := int32(rng.IntN(60))
		for at := start; at < end; at++ {
			if i == 4 && rng.IntN(300) == 0 {
				v = int32(rng.IntN(60)) - 5
			}
			if i == 4 && rng.IntN(1000) == 0 {
				v = -2_000_000_000
			}
			b.Version = append(b.Version, v)
		}
	}
	return b
}

// TestBuckets compares with the formulas over each bucket's tokens.
func TestBuckets(t *testing.T) {
	b := versionedBatch(t, 6)
	var s mismatch.Stats
	s.Split(mismatch.ByPosition | mismatch.ByStaleness)
	require.NoError(t, s.Add(b))
	check := func(name string, got []mismatch.Bucket, key func(at int, i int) int64) {
		require.NotEmpty(t, got, name)
		tokens := int64(0)
		for k, g := range got {
			if k > 0 {
				assert.Equal(t, got[k-1].To, g.From, name)
			}
			var n, d1, d2, k3, w, w2 float64
			for i := range b.Layout.Rows() {
				trainer, rollout, mask := b.Row(i)
				for at := range trainer {
					if x := key(at, i); mask[at] == 0 || x < g.From || x >= g.To {
						continue
					}
					d := float64(trainer[at]) - float64(rollout[at])
					n, d1, d2, k3 = n+1, d1+d, d2+d*d, k3+math.Expm1(d)-d
					w, w2 = w+math.Exp(d), w2+math.Exp(2*d)
				}
			}
			assert.EqualValues(t, n, g.Tokens, "%s %d", name, g.From)
			tokens += g.Tokens
			if n == 0 {
				assert.Equal(t, mismatch.Bucket{From: g.From, To: g.To}, g)
				continue
			}
			for _, c := range [][2]float64{{-d1 / n, g.K1}, {d2 / 2 / n, g.K2}, {k3 / n, g.K3}, {w / n, g.MeanRatio}, {w2/n - 1, g.Chi2}, {w * w / n / w2, g.ESS}} {
				assert.InDelta(t, c[0], c[1], 2e-7*max(1, c[0]), "%s %d", name, g.From)
			}
		}
		assert.Equal(t, s.Summary().Tokens, tokens, name)
	}
	check("position", s.Positions(), func(at, _ int) int64 { return int64(at) })
	check("staleness", s.Staleness(), func(at, i int) int64 {
		start, _ := b.Layout.Row(i)
		return max(0, int64(b.Current)-int64(b.Version[start+at]))
	})
	p, q := s.Positions(), s.Staleness()
	assert.Len(t, p, 5, "5000 tokens")
	assert.EqualValues(t, 4096, p[4].From)
	assert.Len(t, q, 23)
	assert.Equal(t, int64(math.MaxInt64), q[22].To)
}

func TestBucketsAnySplit(t *testing.T) {
	b := versionedBatch(t, 7)
	var whole mismatch.Stats
	whole.Split(mismatch.ByPosition | mismatch.ByStaleness)
	require.NoError(t, whole.Add(b))
	rng := rand.New(rand.NewPCG(1, 5))
	for range 5 {
		var parts [3]mismatch.Stats
		for k, i := range rng.Perm(b.Layout.Rows()) {
			start, end := b.Layout.Row(i)
			row := *b
			var err error
			row.Layout, err = rows.Ragged([]int64{int64(start), int64(end)})
			require.NoError(t, err)
			parts[k%3].Split(mismatch.ByPosition | mismatch.ByStaleness)
			require.NoError(t, parts[k%3].Add(&row))
		}
		var merged mismatch.Stats
		for i := range parts {
			merged.Merge(&parts[2-i])
		}
		assert.Equal(t, whole, merged)
	}
}

func TestBucketsWhenNotAskedFor(t *testing.T) {
	b := versionedBatch(t, 8)
	var s mismatch.Stats
	require.NoError(t, s.Add(b))
	assert.Empty(t, s.Positions())
	assert.Empty(t, s.Staleness())
	s.Split(mismatch.ByStaleness)
	b.Version = nil
	require.NoError(t, s.Add(b))
	assert.Empty(t, s.Staleness(), "no versions")
	b.Version = make([]int32, 3)
	require.ErrorIs(t, s.Add(b), mismatch.ErrShape)
}

func TestAddWithBucketsDoesNotAllocate(t *testing.T) {
	b := versionedBatch(t, 9)
	var s mismatch.Stats
	s.Split(mismatch.ByPosition | mismatch.ByStaleness)
	assert.Zero(t, testing.AllocsPerRun(10, func() { _ = s.Add(b) }))
}

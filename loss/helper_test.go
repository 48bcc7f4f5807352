package loss_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/loss"
	"github.com/trueup-rl/trueup/rows"
)

// configs are one of each policy loss.
var configs = []string{
	"ppo:0.2..0.28, dual:3",
	"gspo:0.02..0.03", "gspo:0.02..0.03, form:sequence, dual:1.5",
	"cispo:0.2..0.28",
	"dppo-tv:0.02..0.03, cap:1.2", "dppo-tv:0.02, form:ratio", "dppo-kl:0.002, cap:1.2",
	"sapo:1..1.05",
	"gmpo:0.1..0.15",
	"reinforce, tis:1.1", "reinforce, icepop:0.8..1.2", "reinforce",
	"gpg",
	"importance",
	"dro:0.05", "kimi:0.1",
	"topr:1.5..0.5",
	"vespo",
	"m2po:0.01",
	"prime-rl:0.02..0.03, kappa:0.01", "ipo:0.02, kappa:0.01",
}

// ragged returns a batch of rows of these lengths with every array filled. The
// tokens of the second row are masked out, some tokens of the others too.
func ragged(t testing.TB, seed uint64, lengths ...int) loss.Batch {
	offsets := []int64{0}
	for _, n := range lengths {
		offsets = append(offsets, offsets[len(offsets)-1]+int64(n))
	}
	layout, err := rows.Ragged(offsets)
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(seed, 1))
	n := layout.Size()
	noisy := func(base []float32, sigma float64) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = min(base[i]+float32(sigma*rng.NormFloat64()), -1e-3)
		}
		return out
	}
	b := loss.Batch{Layout: layout, Proximal: make([]float32, n), Weight: make([]float32, n), Mask: make([]uint8, n)}
	for i := range n {
		b.Proximal[i] = float32(-3 * rng.Float64())
		b.Weight[i] = float32(2 * rng.Float64())
		if rng.IntN(5) > 0 {
			b.Mask[i] = 1
		}
	}
	b.Current = noisy(b.Proximal, 0.3)
	b.Rollout = noisy(b.Proximal, 0.1)
	b.Reference = noisy(b.Proximal, 0.5)
	for range n {
		b.Advantage = append(b.Advantage, float32(rng.NormFloat64()))
	}
	for i := range lengths {
		b.Reward = append(b.Reward, float32(i%2))
		b.Group = append(b.Group, int32(7*(i/2)-3))
	}
	if len(lengths) > 1 {
		clear(b.Mask[offsets[1]:offsets[2]])
	}
	return b
}

func mustNew(t testing.TB, text string) *loss.Evaluator {
	c, err := loss.Parse(text)
	require.NoError(t, err, text)
	e, err := loss.New(c)
	require.NoError(t, err, text)
	return e
}

// coefficients evaluates a batch by itself.
func coefficients(t testing.TB, text string, b *loss.Batch) ([]float32, loss.Stats) {
	dst := make([]float32, b.Layout.Size())
	stats, err := mustNew(t, text).Coefficients(dst, b, nil)
	require.NoError(t, err, text)
	return dst, stats
}

// pick returns the rows of a batch, in that order, as a batch of their own.
func pick(t testing.TB, b *loss.Batch, indices ...int) loss.Batch {
	offsets := []int64{0}
	out := loss.Batch{}
	for _, i := range indices {
		start, end := b.Layout.Row(i)
		for _, a := range []struct{ to, from *[]float32 }{
			{&out.Current, &b.Current}, {&out.Proximal, &b.Proximal}, {&out.Rollout, &b.Rollout},
			{&out.Reference, &b.Reference}, {&out.Advantage, &b.Advantage}, {&out.Weight, &b.Weight},
		} {
			if *a.from != nil {
				*a.to = append(*a.to, (*a.from)[start:end]...)
			}
		}
		out.Mask = append(out.Mask, b.Mask[start:end]...)
		out.Reward = append(out.Reward, b.Reward[i])
		out.Group = append(out.Group, b.Group[i])
		offsets = append(offsets, int64(len(out.Current)))
	}
	layout, err := rows.Ragged(offsets)
	require.NoError(t, err)
	out.Layout = layout
	return out
}

func isFinite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

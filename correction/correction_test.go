package correction_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/internal/sample"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

// worked is the batch of the worked example: three rows, d = (0.2, 0, −2, −0.1),
// (0.5, 0.3) and a fully masked one.
func worked(t *testing.T) *mismatch.Batch {
	layout, err := rows.Padded(3, 4, 4, nil)
	require.NoError(t, err)
	return &mismatch.Batch{
		Layout:  layout,
		Trainer: []float32{-1.0, -0.5, -3.0, -0.2, -0.4, -2.0, -9, -9, -5, -5, -5, -5},
		Rollout: []float32{-1.2, -0.5, -1.0, -0.1, -0.9, -2.3, -1, -1, -1, -1, -1, -1},
		Mask:    []uint8{1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0},
	}
}

func corrector(t testing.TB, policy string) *correction.Corrector {
	p, err := correction.Parse(policy)
	require.NoError(t, err)
	c, err := correction.New(p)
	require.NoError(t, err)
	return c
}

// TestRules works the example by hand: e^0.2 = 1.221403, e^-2 = 0.135335,
// e^-0.1 = 0.904837, e^0.5 = 1.648721, e^0.3 = 1.349859; row sums −1.9 and 0.8.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		policy string
		w      []float64
		keep   []uint8
	}{
		{"none", []float64{1, 1, 1, 1, 1, 1}, []uint8{1, 1, 1, 1, 1, 1}},
		{"token-tis:1.2", []float64{1.2, 1, 0.135335, 0.904837, 1.2, 1.2}, []uint8{1, 1, 1, 1, 1, 1}},
		{"token-clip:0.5..1.2", []float64{1.2, 1, 0.5, 0.904837, 1.2, 1.2}, []uint8{1, 1, 1, 1, 1, 1}},
		{"token-icepop:0.5..1.5", []float64{1.221403, 1, 0, 0.904837, 0, 1.349859}, []uint8{1, 1, 1, 1, 1, 1}},
		{"seq-tis:2", []float64{0.149569, 0.149569, 0.149569, 0.149569, 2, 2}, []uint8{1, 1, 1, 1, 1, 1}},
		{"seq-icepop:0.5..5", []float64{0, 0, 0, 0, 2.225541, 2.225541}, []uint8{1, 1, 1, 1, 1, 1}},
		{"geo-tis:1.3", []float64{0.621885, 0.621885, 0.621885, 0.621885, 1.3, 1.3}, []uint8{1, 1, 1, 1, 1, 1}},
		{"geo-clip:0.7..", []float64{0.7, 0.7, 0.7, 0.7, 1.491825, 1.491825}, []uint8{1, 1, 1, 1, 1, 1}},
		{"token-mask:0.5..1.5", []float64{1, 1, 1, 1, 1, 1}, []uint8{1, 1, 0, 1, 0, 1}},
		{"seq-mask:0.5..5", []float64{1, 1, 1, 1, 1, 1}, []uint8{0, 0, 0, 0, 1, 1}},
		{"geo-mask:0.6..1.4", []float64{1, 1, 1, 1, 1, 1}, []uint8{1, 1, 1, 1, 0, 0}},
		{"token-k2:0.1", []float64{1, 1, 1, 1, 1, 1}, []uint8{1, 1, 0, 1, 0, 1}},
		{"sum-k2:1", []float64{1, 1, 1, 1, 1, 1}, []uint8{0, 0, 0, 0, 1, 1}},
		{"mean-k3:0.1", []float64{1, 1, 1, 1, 1, 1}, []uint8{0, 0, 0, 0, 1, 1}},
		{"max-k3:0.148", []float64{1, 1, 1, 1, 1, 1}, []uint8{0, 0, 0, 0, 0, 0}},
		{"max-k3:0.149", []float64{1, 1, 1, 1, 1, 1}, []uint8{0, 0, 0, 0, 1, 1}},
		{"token-tis:1.2, token-mask:0.5.., token-mask:..1.3", []float64{1.2, 1, 0.135335, 0.904837, 1.2, 1.2}, []uint8{1, 1, 0, 1, 0, 0}},
		// The mean weight over tokens is 0.940029; over rows (0.149569 + 1.5)/2.
		{"token-tis:1.2, batch-norm", []float64{1.276557, 1.063797, 0.143969, 0.962564, 1.276557, 1.276557}, []uint8{1, 1, 1, 1, 1, 1}},
		{"seq-tis:1.5, batch-norm", []float64{0.181343, 0.181343, 0.181343, 0.181343, 1.818657, 1.818657}, []uint8{1, 1, 1, 1, 1, 1}},
	} {
		t.Run(c.policy, func(t *testing.T) {
			b := worked(t)
			w, keep := fill(12)
			_, err := corrector(t, c.policy).Correct(w, keep, b)
			require.NoError(t, err)
			for i, x := range c.w {
				assert.InDelta(t, x, w[i], 1e-6, "weight %d", i)
			}
			assert.Equal(t, c.keep, keep[:6])
			assert.Equal(t, make([]float32, 6), w[6:], "masked")
			assert.Equal(t, make([]uint8, 6), keep[6:], "masked")
		})
	}
}

// fill returns outputs with garbage in them.
func fill(n int) ([]float32, []uint8) {
	w, keep := make([]float32, n), make([]uint8, n)
	for i := range w {
		w[i], keep[i] = 77, 77
	}
	return w, keep
}

func TestEffect(t *testing.T) {
	c := corrector(t, "token-tis:1.2, token-mask:0.5..1.3, geo-mask:0.7..")
	var s correction.Stats
	require.NoError(t, c.Measure(&s, worked(t)))
	// The token mask drops tokens 2, 4 and 5, the row mask the first row: nothing
	// of it stays, and of the second row nothing either.
	e := s.Effect()
	assert.EqualValues(t, 6, e.Tokens)
	assert.EqualValues(t, 0, e.KeptTokens)
	assert.EqualValues(t, 2, e.Rows)
	assert.EqualValues(t, 0, e.KeptRows)
	assert.EqualValues(t, 2, e.RejectedRows)
	assert.Zero(t, e.Weight.ESS())
	assert.EqualValues(t, 3, s.Filter(0).RejectedTokens)
	assert.EqualValues(t, 2, s.Filter(0).RejectedRows)
	assert.EqualValues(t, 4, s.Filter(1).RejectedTokens)
	assert.EqualValues(t, 1, s.Filter(1).RejectedRows)
	assert.EqualValues(t, 3, s.Weight().High, "tokens above 1.2")

	s = correction.Stats{}
	require.NoError(t, corrector(t, "token-tis:1.2, token-mask:0.5..1.3").Measure(&s, worked(t)))
	e = s.Effect()
	assert.EqualValues(t, 3, e.KeptTokens)
	assert.EqualValues(t, 1, e.KeptRows)
	sum, sq := 1.2+1+math.Exp(-0.1), 1.44+1+math.Exp(-0.2)
	assert.InDelta(t, sum*sum/(6*sq), e.Weight.ESS(), 1e-6)
}

func TestNonFinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	layout, err := rows.Padded(1, 5, 5, nil)
	require.NoError(t, err)
	b := &mismatch.Batch{
		Layout:  layout,
		Trainer: []float32{-1, nan, inf, nan, -1},
		Rollout: []float32{-1.5, -1, -1, -1, -1},
		Mask:    []uint8{1, 1, 1, 0, 1},
	}
	for _, c := range []struct {
		policy string
		w      []float32
		keep   []uint8
	}{
		{"seq-tis:1.5", []float32{1.5, 0, 0, 0, 1.5}, []uint8{1, 0, 0, 0, 1}},
		{"seq-tis:1.5, nonfinite:zero", []float32{1.5, 0, 0, 0, 1.5}, []uint8{1, 1, 1, 0, 1}},
		{"seq-tis:1.5, nonfinite:one", []float32{1.5, 1, 1, 0, 1.5}, []uint8{1, 1, 1, 0, 1}},
		{"seq-tis:1.5, nonfinite:drop-row", []float32{1.5, 0, 0, 0, 1.5}, []uint8{0, 0, 0, 0, 0}},
	} {
		w, keep := fill(5)
		s, err := corrector(t, c.policy).Correct(w, keep, b)
		require.NoError(t, err)
		assert.Equal(t, c.w, w, c.policy)
		assert.Equal(t, c.keep, keep, c.policy)
		assert.EqualValues(t, 2, s.Mismatch().NonFinite)
		assert.EqualValues(t, 2, s.Mismatch().Tokens)
	}
	_, err = corrector(t, "token-tis:2, nonfinite:error").Correct(nil, nil, b)
	require.ErrorIs(t, err, correction.ErrNonFinite)
	assert.ErrorContains(t, err, "row 0, token 1")
}

// TestAnySplit measures rows of real data in parts and applies each part with
// the merged statistics: the bits are those of the whole.
func TestAnySplit(t *testing.T) {
	for _, policy := range []string{
		"seq-tis:2, batch-norm, geo-mask:0.9..1.1, token-k3:0.5",
		"seq-tis:2, batch-norm-all, veto:0.01, mean-abs-ratio:1.2, max-k3-reverse:5",
		"turn-tis:1.5, batch-norm, turn-mask:0.9..1.1, token-prob-diff:-0.1..0.1",
		"seq-mask-tis:0.97..1.02, sum-prob-diff:-5..5",
	} {
		t.Run(policy, func(t *testing.T) { anySplit(t, policy) })
	}
}

func anySplit(t *testing.T, policy string) {
	set := sample.SmolLM2()
	layout, err := rows.Ragged(set.Offsets)
	require.NoError(t, err)
	whole := &mismatch.Batch{Layout: layout, Trainer: set.TrainerBF16, Rollout: set.Rollout, Mask: set.Mask}
	n := layout.Size()
	w, keep := fill(n)
	want, err := corrector(t, policy).Correct(w, keep, whole)
	require.NoError(t, err)

	var parts []*mismatch.Batch
	for from := 0; from < set.Rows(); from += 100 {
		part := *whole
		part.Layout, err = rows.Ragged(set.Offsets[from : min(from+100, set.Rows())+1])
		require.NoError(t, err)
		parts = append(parts, &part)
	}
	var global correction.Stats
	for i := range parts {
		var s correction.Stats
		require.NoError(t, corrector(t, policy).Measure(&s, parts[len(parts)-1-i]))
		global.Merge(&s)
	}
	assert.Equal(t, *want, global)
	gotW, gotKeep := fill(n)
	for _, part := range parts {
		require.NoError(t, corrector(t, policy).Apply(gotW, gotKeep, part, &global))
	}
	assert.Equal(t, w, gotW)
	assert.Equal(t, keep, gotKeep)
}

func TestApplyErrors(t *testing.T) {
	b := worked(t)
	require.ErrorIs(t, corrector(t, "token-tis:2").Apply(make([]float32, 11), nil, b, nil), correction.ErrShape)
	require.ErrorIs(t, corrector(t, "token-tis:2").Apply(nil, make([]uint8, 3), b, nil), correction.ErrShape)
	require.ErrorIs(t, corrector(t, "token-tis:2, batch-norm").Apply(nil, nil, b, nil), correction.ErrPolicy)
	b.Rollout = b.Rollout[:5]
	require.ErrorIs(t, corrector(t, "none").Apply(nil, nil, b, nil), mismatch.ErrShape)
	require.ErrorIs(t, corrector(t, "none").Measure(new(correction.Stats), b), mismatch.ErrShape)
}

func TestPaddingIsCleared(t *testing.T) {
	layout, err := rows.Padded(2, 3, 5, []int32{1, 0})
	require.NoError(t, err)
	b := &mismatch.Batch{Layout: layout, Trainer: make([]float32, 8), Rollout: make([]float32, 8)}
	w, keep := fill(8)
	_, err = corrector(t, "token-tis:2").Correct(w, keep, b)
	require.NoError(t, err)
	assert.Equal(t, []float32{1, 0, 0, 77, 77, 0, 0, 0}, w, "columns between width and stride are not the batch's")
	assert.Equal(t, []uint8{1, 0, 0, 77, 77, 0, 0, 0}, keep)
}

func TestNothingToCorrect(t *testing.T) {
	for _, mask := range [][]uint8{make([]uint8, 12)} {
		b := worked(t)
		b.Mask = mask
		w, keep := fill(12)
		s, err := corrector(t, "seq-tis:2, batch-norm, geo-mask:0.9..1.1").Correct(w, keep, b)
		require.NoError(t, err)
		assert.Equal(t, make([]float32, 12), w)
		assert.Equal(t, make([]uint8, 12), keep)
		assert.EqualValues(t, 3, s.Mismatch().EmptyRows)
		assert.Zero(t, s.Effect())
	}
}

func TestCorrectDoesNotAllocate(t *testing.T) {
	b := worked(t)
	w, keep := fill(12)
	for _, policy := range []string{"token-tis:2, token-k3:0.1", "seq-tis:2, batch-norm, geo-mask:0.9..1.1"} {
		c := corrector(t, policy)
		_, _ = c.Correct(w, keep, b)
		assert.Zero(t, testing.AllocsPerRun(10, func() { _, _ = c.Correct(w, keep, b) }), policy)
	}
}

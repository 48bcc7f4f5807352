package mismatch_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat"

	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/internal/sample"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

// randomBatch returns a ragged batch with masked tokens, empty rows, a fully
// masked row and a row longer than a chunk.
func randomBatch(t *testing.T, seed uint64) *mismatch.Batch {
	rng := rand.New(rand.NewPCG(seed, 0))
	offsets := []int64{0}
	for _, n := range []int{17, 0, 1, 300, 5000, 33, 64} {
		offsets = append(offsets, offsets[len(offsets)-1]+int64(n))
	}
	total := offsets[len(offsets)-1]
	b := &mismatch.Batch{Mask: make([]uint8, total)}
	for i := range total {
		lp := -3 * rng.ExpFloat64()
		b.Rollout = append(b.Rollout, float32(lp))
		b.Trainer = append(b.Trainer, float32(lp+0.3*rng.NormFloat64()))
		if rng.IntN(5) > 0 {
			b.Mask[i] = 1
		}
	}
	clear(b.Mask[offsets[5]:offsets[6]])
	var err error
	b.Layout, err = rows.Ragged(offsets)
	require.NoError(t, err)
	return b
}

// TestBruteForce compares every figure with its formula in plain float64.
func TestBruteForce(t *testing.T) {
	b := randomBatch(t, 1)
	var s mismatch.Stats
	require.NoError(t, s.Add(b))
	got := s.Summary()

	var d, abs, k2, k3, w, seq, seqW, nllT, nllR, pplT, pplR, diff, absDiff, ratio []float64
	over, under := 0.0, 0.0
	for i := range b.Layout.Rows() {
		trainer, rollout, mask := b.Row(i)
		var rowD, rowT, rowR []float64
		for t := range trainer {
			if mask[t] == 0 {
				continue
			}
			x := float64(trainer[t]) - float64(rollout[t])
			rowD, rowT, rowR = append(rowD, x), append(rowT, float64(trainer[t])), append(rowR, float64(rollout[t]))
			d, abs, k2 = append(d, x), append(abs, math.Abs(x)), append(k2, x*x/2)
			k3, w = append(k3, math.Expm1(x)-x), append(w, math.Exp(x))
			if math.Exp(x) > 2 {
				over++
			}
			if math.Exp(x) < 0.5 {
				under++
			}
		}
		if len(rowD) == 0 {
			continue
		}
		sum := stat.Mean(rowD, nil) * float64(len(rowD))
		seq, seqW = append(seq, sum), append(seqW, math.Exp(sum))
		mt, mr := -stat.Mean(rowT, nil), -stat.Mean(rowR, nil)
		nllT, nllR = append(nllT, mt), append(nllR, mr)
		pplT, pplR = append(pplT, math.Exp(mt)), append(pplR, math.Exp(mr))
		diff, absDiff, ratio = append(diff, mt-mr), append(absDiff, math.Abs(mt-mr)), append(ratio, math.Exp(mt-mr))
	}
	n := float64(len(d))
	mean := func(x []float64) float64 { return stat.Mean(x, nil) }
	se := func(x []float64) float64 { return stat.PopStdDev(x, nil) / math.Sqrt(float64(len(x))) }
	square := func(x []float64) []float64 {
		y := make([]float64, len(x))
		for i := range x {
			y[i] = x[i] * x[i]
		}
		return y
	}
	ess := func(x []float64) float64 { return mean(x) * mean(x) / mean(square(x)) }
	least := func(x []float64) float64 { return min(x[0], lowest(x)) }
	largest := func(x []float64) float64 { return -lowest(negated(x)) }

	assert.EqualValues(t, 7, got.Rows)
	assert.EqualValues(t, 2, got.EmptyRows)
	assert.EqualValues(t, len(d), got.Tokens)
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"K1", got.K1, -mean(d)}, {"K1SE", got.K1SE, se(d)},
		{"K2", got.K2, mean(k2)}, {"K2SE", got.K2SE, se(k2)},
		{"K3", got.K3, mean(k3)}, {"K3SE", got.K3SE, se(k3)},
		{"MeanAbs", got.MeanAbs, mean(abs)}, {"MaxAbs", got.MaxAbs, largest(abs)},
		{"MinD", got.MinD, least(d)}, {"MaxD", got.MaxD, largest(d)},
		{"MeanRatio", got.MeanRatio, mean(w)},
		{"Chi2", got.Chi2, mean(square(w)) - 1}, {"Chi2Bounded", got.Chi2Bounded, mean(square(w)) - 1},
		{"Over2", got.Over2, over / n}, {"UnderHalf", got.UnderHalf, under / n},
		{"ESSToken", got.ESSToken, ess(w)}, {"ESSSeq", got.ESSSeq, ess(seqW)},
		{"SeqMean", got.SeqMean, mean(seq)}, {"SeqStd", got.SeqStd, stat.PopStdDev(seq, nil)},
		{"SeqMin", got.SeqMin, least(seq)}, {"SeqMax", got.SeqMax, largest(seq)},
		{"TrainerNLL", got.TrainerNLL, mean(nllT)}, {"RolloutNLL", got.RolloutNLL, mean(nllR)},
		{"TrainerPPL", got.TrainerPPL, mean(pplT)}, {"RolloutPPL", got.RolloutPPL, mean(pplR)},
		{"LogPPLDiff", got.LogPPLDiff, mean(diff)}, {"LogPPLAbsDiff", got.LogPPLAbsDiff, mean(absDiff)},
		{"LogPPLDiffMin", got.LogPPLDiffMin, least(diff)}, {"LogPPLDiffMax", got.LogPPLDiffMax, largest(diff)},
		{"PPLRatio", got.PPLRatio, mean(ratio)},
	} {
		// What comes from Σd alone is as exact as the log-probabilities, a row's Σd
		// within 1e-9; the others are made of float32 terms.
		tolerance := 5e-8
		switch {
		case c.name == "K1", strings.HasPrefix(c.name, "Seq"), strings.Contains(c.name, "NLL"), strings.Contains(c.name, "PPL"):
			tolerance = 1e-10
		}
		assert.InDelta(t, c.want, c.got, tolerance*max(1, math.Abs(c.want)), c.name)
	}
}

func lowest(x []float64) float64 {
	m := math.Inf(1)
	for _, v := range x {
		m = min(m, v)
	}
	return m
}

func negated(x []float64) []float64 {
	y := make([]float64, len(x))
	for i := range x {
		y[i] = -x[i]
	}
	return y
}

// TestRealRollouts compares with the figures published beside the data, which
// were computed in float64 by other code.
func TestRealRollouts(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(golden.Data(t, "smollm2"), "summary.json"))
	require.NoError(t, err)
	var published struct {
		Rollouts map[string]map[string]float64 `json:"rollouts"`
	}
	require.NoError(t, json.Unmarshal(data, &published))
	set := sample.SmolLM2()
	for p, precision := range set.Precisions {
		t.Run(precision, func(t *testing.T) {
			want := published.Rollouts[precision]
			require.NotEmpty(t, want)
			got := summarize(t, set, int32(p)).Summary()
			for _, c := range []struct {
				name string
				got  float64
			}{
				{"rows", float64(got.Rows)}, {"tokens", float64(got.Tokens)},
				{"k1", got.K1}, {"k1_se", got.K1SE}, {"k2", got.K2}, {"k2_se", got.K2SE},
				{"k3", got.K3}, {"k3_se", got.K3SE}, {"chi2_mc", got.Chi2}, {"mean_w", got.MeanRatio},
				{"over2", got.Over2}, {"under_half", got.UnderHalf},
				{"ess_token", got.ESSToken}, {"ess_seq", got.ESSSeq},
				{"seq_dlogp_mean", got.SeqMean}, {"seq_dlogp_std", got.SeqStd},
				{"seq_dlogp_max", max(-got.SeqMin, got.SeqMax)},
				{"mean_abs_dlogp", got.MeanAbs}, {"max_abs_dlogp", got.MaxAbs},
			} {
				require.Contains(t, want, c.name)
				assert.InDelta(t, want[c.name], c.got, 1e-6*math.Abs(want[c.name])+1e-12, c.name)
			}
		})
	}
}

func summarize(t *testing.T, set *sample.Rollouts, precision int32) *mismatch.Stats {
	var s mismatch.Stats
	for i, p := range set.Precision {
		if p != precision {
			continue
		}
		layout, err := rows.Ragged(set.Offsets[i : i+2])
		require.NoError(t, err)
		require.NoError(t, s.Add(&mismatch.Batch{Layout: layout, Trainer: set.TrainerBF16, Rollout: set.Rollout, Mask: set.Mask}))
	}
	return &s
}

// TestAnySplit checks that the rows of a batch give the same bits measured
// together, one by one in any order, or in a padded layout.
func TestAnySplit(t *testing.T) {
	b := randomBatch(t, 2)
	var whole mismatch.Stats
	require.NoError(t, whole.Add(b))

	n := b.Layout.Rows()
	rng := rand.New(rand.NewPCG(5, 5))
	for range 5 {
		parts := make([]mismatch.Stats, 3)
		for k, i := range rng.Perm(n) {
			start, end := b.Layout.Row(i)
			layout, err := rows.Ragged32([]int32{int32(start), int32(end)})
			require.NoError(t, err)
			row := *b
			row.Layout = layout
			require.NoError(t, parts[k%3].Add(&row))
		}
		var merged mismatch.Stats
		for i := range parts {
			merged.Merge(&parts[2-i])
		}
		assert.Equal(t, whole, merged)
	}

	const width, stride = 5000, 5003
	padded := mismatch.Batch{Trainer: make([]float32, n*stride), Rollout: make([]float32, n*stride), Mask: make([]uint8, n*stride)}
	lengths := make([]int32, n)
	for i := range n {
		trainer, rollout, mask := b.Row(i)
		lengths[i] = int32(len(trainer))
		for t := range stride {
			padded.Trainer[i*stride+t], padded.Mask[i*stride+t] = float32(math.NaN()), 1
		}
		copy(padded.Trainer[i*stride:], trainer)
		copy(padded.Rollout[i*stride:], rollout)
		copy(padded.Mask[i*stride:], mask)
	}
	var err error
	padded.Layout, err = rows.Padded(n, width, stride, lengths)
	require.NoError(t, err)
	var got mismatch.Stats
	require.NoError(t, got.Add(&padded))
	assert.Equal(t, whole, got)
}

func TestTinyDifferencesKeepTheirDigits(t *testing.T) {
	// One float32 step at 1: d = 2⁻²³, where e^d − 1 − d by subtraction is noise.
	d := 0x1p-23
	layout, err := rows.Ragged([]int64{0, 1})
	require.NoError(t, err)
	var s mismatch.Stats
	require.NoError(t, s.Add(&mismatch.Batch{Layout: layout, Trainer: []float32{float32(-1 + d)}, Rollout: []float32{-1}}))
	assert.InEpsilon(t, d*d/2+d*d*d/6, s.Summary().K3, 1e-6)
	assert.InEpsilon(t, 2*d+2*d*d, s.Summary().Chi2, 1e-6, "w² − 1 keeps its digits too")
}

func TestBadInput(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	layout, err := rows.Ragged([]int64{0, 4, 5, 5})
	require.NoError(t, err)
	b := &mismatch.Batch{
		Layout:  layout,
		Trainer: []float32{-1, nan, inf, nan, inf},
		Rollout: []float32{-1.5, -1, -1, nan, inf},
		Mask:    []uint8{1, 1, 1, 0, 1},
	}
	var s mismatch.Stats
	require.NoError(t, s.Add(b))
	got := s.Summary()
	assert.EqualValues(t, 3, got.Rows)
	assert.EqualValues(t, 2, got.EmptyRows)
	assert.EqualValues(t, 1, got.Tokens)
	assert.EqualValues(t, 3, got.NonFinite, "the masked NaN does not count, ∞ − ∞ does")
	assert.Equal(t, -0.5, got.K1)

	t.Run("nothing", func(t *testing.T) {
		b.Mask = make([]uint8, 5)
		var s mismatch.Stats
		require.NoError(t, s.Add(b))
		assert.Equal(t, mismatch.Summary{Rows: 3, EmptyRows: 3}, s.Summary())
		assert.Equal(t, mismatch.Summary{}, new(mismatch.Stats).Summary())
	})
	t.Run("garbage stays finite", func(t *testing.T) {
		big := float32(math.MaxFloat32)
		layout, err := rows.Ragged([]int64{0, 2, 4})
		require.NoError(t, err)
		var s mismatch.Stats
		require.NoError(t, s.Add(&mismatch.Batch{Layout: layout, Trainer: []float32{big, -big, 9999, 0}, Rollout: []float32{-big, big, 0, 500}}))
		data, err := json.Marshal(s.Summary())
		require.NoError(t, err, "a non-finite figure does not marshal")
		assert.NotEmpty(t, data)
	})
	t.Run("short arrays", func(t *testing.T) {
		short := *b
		short.Trainer = short.Trainer[:4]
		err := new(mismatch.Stats).Add(&short)
		require.ErrorIs(t, err, mismatch.ErrShape)
		assert.ErrorContains(t, err, "Trainer has 4")
		short = *b
		short.Mask = short.Mask[:2]
		require.ErrorIs(t, new(mismatch.Stats).Add(&short), mismatch.ErrShape)
	})
}

func TestSequenceShareOfFarRows(t *testing.T) {
	// Rows at −900 and −900 − ln 2: e^Σd underflows, but their weights are 1 : ½.
	layout, err := rows.Ragged([]int64{0, 1, 2})
	require.NoError(t, err)
	a := float32(-900)
	b := a - float32(math.Ln2)
	var s mismatch.Stats
	require.NoError(t, s.Add(&mismatch.Batch{Layout: layout, Trainer: []float32{a, b}, Rollout: []float32{0, 0}}))
	r := math.Exp(float64(b) - float64(a))
	assert.InEpsilon(t, (1+r)*(1+r)/(2*(1+r*r)), s.Summary().ESSSeq, 1e-12)
}

func TestSmallRatiosKeepTheirDigits(t *testing.T) {
	// Rows of tokens that the trainer finds unlikely: w is far from 1.
	const n = 700
	layout, err := rows.Ragged([]int64{0, n})
	require.NoError(t, err)
	trainer, w, w2 := make([]float32, n), 0.0, 0.0
	for i := range trainer {
		trainer[i] = -8 - float32(i%5)
		w += math.Exp(float64(trainer[i]))
		w2 += math.Exp(2 * float64(trainer[i]))
	}
	var s mismatch.Stats
	require.NoError(t, s.Add(&mismatch.Batch{Layout: layout, Trainer: trainer, Rollout: make([]float32, n)}))
	assert.InEpsilon(t, w/n, s.Summary().MeanRatio, 1e-6)
	assert.InEpsilon(t, w*w/w2/n, s.Summary().ESSToken, 1e-6)
}

func TestClusters(t *testing.T) {
	set := sample.SmolLM2()
	const precision = 4
	var c mismatch.Clusters[int32]
	type group struct{ n, sum float64 }
	groups := map[int32]*group{}
	for i, p := range set.Precision {
		if p != precision {
			continue
		}
		layout, err := rows.Ragged(set.Offsets[i : i+2])
		require.NoError(t, err)
		var s mismatch.Stats
		require.NoError(t, s.Add(&mismatch.Batch{Layout: layout, Trainer: set.TrainerBF16, Rollout: set.Rollout}))
		c.Add(set.Prompt[i], &s)
		g := groups[set.Prompt[i]]
		if g == nil {
			g = &group{}
			groups[set.Prompt[i]] = g
		}
		for t := set.Offsets[i]; t < set.Offsets[i+1]; t++ {
			g.n++
			g.sum += float64(set.TrainerBF16[t]) - float64(set.Rollout[t])
		}
	}
	n, total, squares := 0.0, 0.0, 0.0
	for _, g := range groups {
		n, total = n+g.n, total+g.sum
	}
	for _, g := range groups {
		e := g.sum - total/n*g.n
		squares += e * e
	}
	k1, k2, k3, ok := c.SE()
	require.True(t, ok)
	assert.Equal(t, 24, c.Len())
	assert.InEpsilon(t, math.Sqrt(24.0/23*squares)/n, k1, 1e-9)
	assert.Positive(t, k2)
	assert.Positive(t, k3)

	var one mismatch.Clusters[string]
	one.Add("p", summarize(t, set, precision))
	one.Add("q", &mismatch.Stats{})
	_, _, _, ok = one.SE()
	assert.False(t, ok, "one prompt with tokens tells nothing of the spread between prompts")
}

func TestAddDoesNotAllocate(t *testing.T) {
	b := randomBatch(t, 3)
	var s mismatch.Stats
	assert.Zero(t, testing.AllocsPerRun(10, func() { _ = s.Add(b) }))
}

func TestAbsQuantile(t *testing.T) {
	b := randomBatch(t, 4)
	var s mismatch.Stats
	require.NoError(t, s.Add(b))
	var abs []float64
	for i := range b.Layout.Rows() {
		trainer, rollout, mask := b.Row(i)
		for t := range trainer {
			if mask[t] != 0 {
				abs = append(abs, math.Abs(float64(trainer[t])-float64(rollout[t])))
			}
		}
	}
	slices.Sort(abs)
	for _, q := range []float64{0, 0.01, 0.5, 0.9, 0.99, 0.9999, 1} {
		want := stat.Quantile(q, stat.Empirical, abs, nil)
		assert.InEpsilon(t, want, s.AbsQuantile(q), 1.0/32, "q = %v", q)
	}
	assert.Zero(t, new(mismatch.Stats).AbsQuantile(0.5))
	assert.Panics(t, func() { s.AbsQuantile(1.5) })
}

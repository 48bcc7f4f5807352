package loss_test

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/loss"
	"github.com/trueup-rl/trueup/rows"
)

// everything adds the other parts of a configuration to a policy loss.
func everything(policy string) string {
	return policy + ", agg:group-mean, kl:k3:0.1, kl-weight:rollout"
}

// TestPartsAddUp checks that micro-batches given the counts of all have the bits
// of one batch, coefficients and statistics alike, in any order of the rows.
func TestPartsAddUp(t *testing.T) {
	whole := ragged(t, 1, 9, 4, 1, 12, 7, 3)
	for _, policy := range configs {
		if strings.HasPrefix(policy, "m2po") {
			continue // chooses its mask per call
		}
		t.Run(policy, func(t *testing.T) {
			e := mustNew(t, everything(policy))
			want := make([]float32, whole.Layout.Size())
			wantStats, err := e.Coefficients(want, &whole, nil)
			require.NoError(t, err)

			var parts []loss.Batch
			var counts, second loss.Counts
			order := [][]int{{5, 2}, {3}, {1, 0, 4}}
			for i, rows := range order {
				parts = append(parts, pick(t, &whole, rows...))
				into := &counts
				if i > 0 {
					into = &second // another rank
				}
				require.NoError(t, e.Count(into, &parts[i]))
			}
			counts.Merge(&second)
			var stats loss.Stats
			for i := range parts {
				got := make([]float32, parts[i].Layout.Size())
				s, err := e.Coefficients(got, &parts[i], &counts)
				require.NoError(t, err)
				stats.Merge(&s)
				for k, row := range order[i] {
					start, end := whole.Layout.Row(row)
					from, to := parts[i].Layout.Row(k)
					assert.Equal(t, want[start:end], got[from:to], "row %d", row)
				}
			}
			assert.Equal(t, wantStats, stats)
		})
	}
}

// TestCountsMerge checks that counts add up whichever has the groups.
func TestCountsMerge(t *testing.T) {
	a := loss.Counts{Tokens: 3, Rows: 1}
	b := loss.Counts{Tokens: 4, Rows: 2, GroupTokens: map[int32]int64{1: 4}}
	a.Merge(&b)
	a.Merge(&b)
	assert.Equal(t, loss.Counts{Tokens: 11, Rows: 5, GroupTokens: map[int32]int64{1: 8}}, a)
	assert.EqualValues(t, 4, b.GroupTokens[1])
}

// TestCountsOfSomethingElse checks that denominators of 0 are no silent zeros.
func TestCountsOfSomethingElse(t *testing.T) {
	b := ragged(t, 1, 3, 1, 2)
	for _, agg := range []string{"token-mean", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm:9", "group-mean"} {
		e := mustNew(t, "gpg, agg:"+agg)
		_, err := e.Coefficients(nil, &b, &loss.Counts{GroupTokens: map[int32]int64{99: 5}})
		assert.ErrorIs(t, err, loss.ErrBatch, agg)
		assert.ErrorContains(t, err, "row 0 has", agg)
	}
}

// TestPaddingDoesNotMatter lays the same rows out padded, with rubbish wherever
// there is no token of the mask, between guards.
func TestPaddingDoesNotMatter(t *testing.T) {
	flat := ragged(t, 2, 5, 3, 0, 8, 1)
	const width, stride = 9, 11
	n := flat.Layout.Rows()
	rubbish := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 3e38, -0.5}
	rng := rand.New(rand.NewPCG(1, 2))
	spread := func(from []float32) []float32 {
		to := make([]float32, n*stride)
		for i := range to {
			to[i] = rubbish[rng.IntN(len(rubbish))]
		}
		for i := range n {
			start, end := flat.Layout.Row(i)
			for at := start; at < end; at++ {
				if flat.Mask[at] != 0 {
					to[i*stride+at-start] = from[at]
				}
			}
		}
		return to
	}
	lengths := make([]int32, n)
	mask := make([]uint8, n*stride)
	for i := range n {
		start, end := flat.Layout.Row(i)
		lengths[i] = int32(end - start)
		copy(mask[i*stride:], flat.Mask[start:end])
		for k := end - start; k < stride; k++ {
			mask[i*stride+k] = uint8(rng.IntN(2)) // beyond the row, so not looked at
		}
	}
	layout, err := rows.Padded(n, width, stride, lengths)
	require.NoError(t, err)
	padded := loss.Batch{Layout: layout, Current: spread(flat.Current), Proximal: spread(flat.Proximal),
		Rollout: spread(flat.Rollout), Reference: spread(flat.Reference), Advantage: spread(flat.Advantage),
		Weight: spread(flat.Weight), Mask: mask, Reward: flat.Reward, Group: flat.Group}

	for _, policy := range configs {
		want, wantStats := coefficients(t, everything(policy), &flat)
		got := slices.Repeat([]float32{77}, n*stride)
		stats, err := mustNew(t, everything(policy)).Coefficients(got, &padded, nil)
		require.NoError(t, err)
		assert.Equal(t, wantStats, stats, policy)
		for i := range n {
			start, end := flat.Layout.Row(i)
			row := got[i*stride : (i+1)*stride]
			assert.Equal(t, want[start:end], row[:end-start], policy)
			assert.Equal(t, make([]float32, width-(end-start)), row[end-start:width], "%s: padding", policy)
			if i < n-1 {
				assert.Equal(t, []float32{77, 77}, row[width:], "%s: between rows", policy)
			}
		}
	}
}

// TestOnPolicyIsReinforce checks that at ratio 1 every loss has the plain policy
// gradient.
func TestOnPolicyIsReinforce(t *testing.T) {
	b := ragged(t, 3, 6, 2, 9)
	b.Weight, b.Advantage, b.RowAdvantage = nil, nil, []float32{0.5, 1, -2}
	b.Reward = []float32{1, 1, 1}
	want, _ := coefficients(t, "gpg, agg:seq-mean-token-mean", &b)
	for _, policy := range configs {
		switch {
		case strings.HasPrefix(policy, "m2po"):
			policy = "m2po:1e6"
		case strings.HasPrefix(policy, "topr"):
			policy = "topr"
		}
		got, stats := coefficients(t, policy+", on-policy, agg:seq-mean-token-mean", &b)
		assert.InDeltaSlice(t, want, got, 1e-7, policy)
		summary := stats.Summary()
		assert.Zero(t, summary.Clipped(), policy)
		assert.Equal(t, 1.0, summary.Ratio.Mean(), policy)
	}
}

func TestIdentities(t *testing.T) {
	b := ragged(t, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
	for _, pair := range [][2]string{
		{"ppo:0.1..0.2, agg:seq-mean-token-mean", "gspo:0.1..0.2, agg:seq-mean-token-mean"},
		{"ppo:0.1..0.2, dual:1.2", "gspo:0.1..0.2, dual:1.2, form:sequence"},
	} { // rows of one token
		want, _ := coefficients(t, pair[0], &b)
		got, _ := coefficients(t, pair[1], &b)
		assert.Equal(t, want, got, pair[1])
	}

	b = ragged(t, 5, 10, 3, 20)
	for _, pair := range [][2]string{
		{"kimi:0.3", "dro:0.3"},
		{"gpg", "reinforce"},
		{"importance", "reinforce, tis:inf"},
		{"importance", "reinforce, icepop:0..inf"},
		{"importance", "cispo:inf"},
		{"importance", "ppo:inf"},
		{"importance", "dppo-tv:inf, form:ratio"},
		{"importance", "dppo-kl:inf"},
		{"importance", "m2po:1e6"},
		{"importance", "prime-rl:inf, kappa:0"},
		{"importance", "ipo:inf, kappa:0"},
		{"dppo-tv:0.02, form:ratio", "prime-rl:0.02, kappa:0"},
	} {
		want, _ := coefficients(t, pair[0], &b)
		got, _ := coefficients(t, pair[1], &b)
		assert.InDeltaSlice(t, want, got, 1e-7, "%s, %s", pair[0], pair[1])
	}
}

// TestRatioBeyondBound checks that a log-ratio beyond the bound is constant, and
// counted.
func TestRatioBeyondBound(t *testing.T) {
	b := ragged(t, 6, 3)
	copy(b.Mask, []uint8{1, 1, 1})
	copy(b.Proximal, []float32{-30, -1, -1})
	copy(b.Current, []float32{-1, -1, -26})
	copy(b.Advantage, []float32{-1, -1, 1})
	b.Weight = nil
	for _, policy := range []string{"ppo:inf", "importance", "sapo"} {
		got, stats := coefficients(t, policy+", agg:token-sum", &b)
		summary := stats.Summary()
		assert.EqualValues(t, 2, summary.Bounded, policy)
		assert.InEpsilon(t, math.Exp(20), summary.Ratio.Max, 1e-12, policy)
		assert.InDelta(t, 29-25, summary.LogRatio, 1e-12)
		assert.Zero(t, summary.BoundedLogRatio)
		assert.Equal(t, []float32{0, 1, 0}, got, policy)

		got, stats = coefficients(t, policy+", agg:token-sum, bound:80", &b)
		summary = stats.Summary()
		assert.Zero(t, summary.Bounded, policy)
		if policy != "sapo" {
			assert.InEpsilon(t, math.Exp(29), got[0], 1e-6, policy)
		}
	}
}

// TestExtremesStayFinite feeds finite input of every size.
func TestExtremesStayFinite(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	extremes := []float32{0, 1e-45, -1e-45, 1, -1, -20, -1e4, 1e4, 3.4e38, -3.4e38, 1e-38, 1e20}
	draw := func(x []float32) {
		for i := range x {
			x[i] = extremes[rng.IntN(len(extremes))]
		}
	}
	for range 200 {
		b := ragged(t, 8, 3, 1, 4)
		for _, x := range [][]float32{b.Current, b.Proximal, b.Rollout, b.Reference, b.Advantage, b.Weight, b.Reward} {
			draw(x)
		}
		for _, policy := range configs {
			got, stats := coefficients(t, policy+", agg:token-sum, bound:80, kl:k3:1e12, kl-weight:rollout", &b)
			for _, x := range got {
				require.True(t, isFinite(float64(x)), policy)
			}
			summary := stats.Summary()
			require.Zero(t, summary.NonFinite)
			for _, x := range []float64{summary.Loss(), summary.KL, summary.Ratio.Sum, summary.Factor.Sum, summary.Weight.SumSq, summary.Entropy, summary.LogRatio} {
				require.True(t, isFinite(x), policy)
			}
		}
	}
}

// FuzzCoefficients feeds any bits to any loss.
func FuzzCoefficients(f *testing.F) {
	f.Add(uint8(0), []byte("log-probabilities of two rows, whatever these bytes make of them"))
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		const perToken = 7 * 4
		n := min(len(data)/perToken, 64)
		layout, err := rows.Ragged([]int64{0, int64(n / 3), int64(n)})
		require.NoError(t, err)
		next := func(n int) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = math.Float32frombits(binary.LittleEndian.Uint32(data))
				data = data[4:]
			}
			return x
		}
		b := loss.Batch{Layout: layout, Current: next(n), Proximal: next(n), Rollout: next(n), Reference: next(n),
			Advantage: next(n), Weight: next(n), Group: []int32{1, 2}}
		b.Reward = append(next(n), 0, 0)[:2]
		got, stats := coefficients(t, everything(configs[int(which)%len(configs)]), &b)
		for _, x := range got {
			require.True(t, isFinite(float64(x)))
		}
		summary := stats.Summary()
		for i, x := range summary.AppendSums(nil) {
			require.True(t, isFinite(x), "sum %d", i)
		}
		require.EqualValues(t, n, summary.Tokens+summary.NonFinite)
	})
}

func TestNonFinite(t *testing.T) {
	clean := ragged(t, 9, 4, 1, 5)
	copy(clean.Mask, []uint8{1, 1, 1, 1})
	for name, spoil := range map[string]func(b *loss.Batch, x float32){
		"Current":   func(b *loss.Batch, x float32) { b.Current[1] = x },
		"Proximal":  func(b *loss.Batch, x float32) { b.Proximal[1] = x },
		"Rollout":   func(b *loss.Batch, x float32) { b.Rollout[1] = x },
		"Reference": func(b *loss.Batch, x float32) { b.Reference[1] = x },
		"advantage": func(b *loss.Batch, x float32) { b.Advantage[1] = x },
		"Weight":    func(b *loss.Batch, x float32) { b.Weight[1] = x },
	} {
		for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			const text = "gspo:0.1, agg:seq-mean-token-mean, kl:k3:0.1, kl-weight:rollout"
			b := pick(t, &clean, 0, 1, 2)
			spoil(&b, float32(x))

			// Dropped: as if the mask were 0.
			masked := pick(t, &clean, 0, 1, 2)
			masked.Mask[1] = 0
			want, wantStats := coefficients(t, text, &masked)
			got, stats := coefficients(t, text, &b)
			assert.Equal(t, want, got, "%s %v", name, x)
			wantSummary, summary := wantStats.Summary(), stats.Summary()
			wantSummary.NonFinite = 1
			assert.Equal(t, wantSummary, summary, "%s %v", name, x)

			// With weight 0: the same sums over a row of four, not three.
			got, _ = coefficients(t, text+", nonfinite:zero", &b)
			for i := range 4 {
				assert.InDelta(t, 0.75*float64(want[i]), float64(got[i]), 1e-6, "%s %v", name, x)
			}

			_, err := mustNew(t, text+", nonfinite:error").Coefficients(got, &b, nil)
			require.ErrorIs(t, err, loss.ErrNonFinite)
			assert.ErrorContains(t, err, "row 0, token 1: "+name)
		}
	}
}

func TestNonFiniteReward(t *testing.T) {
	b := ragged(t, 9, 4, 1, 5)
	b.Reward[0] = float32(math.NaN())
	got, stats := coefficients(t, "topr, agg:token-sum", &b)
	assert.Equal(t, make([]float32, 4), got[:4])
	summary := stats.Summary()
	assert.NotZero(t, summary.NonFinite)

	b.Mask[0], b.Current[0] = 1, b.Reward[0]
	for _, policy := range []string{"m2po", "topr"} { // with counts, so that nothing is looked at before
		_, err := mustNew(t, policy+", nonfinite:error").Coefficients(got, &b, &loss.Counts{Tokens: 5})
		assert.ErrorIs(t, err, loss.ErrNonFinite, policy)
	}
}

// TestUnreadArrays checks that arrays which a loss does not read may hold anything.
func TestUnreadArrays(t *testing.T) {
	b := ragged(t, 10, 4, 2, 3)
	want, wantStats := coefficients(t, "ppo:0.2", &b)
	nan := slices.Repeat([]float32{float32(math.NaN())}, b.Layout.Size())
	b.Reference, b.Rollout, b.Reward = nan, nan, nan
	got, stats := coefficients(t, "ppo:0.2", &b)
	assert.Equal(t, want, got)
	wantSummary, summary := wantStats.Summary(), stats.Summary()
	wantSummary.Entropy = 0
	assert.Equal(t, wantSummary, summary)
}

func TestNothingLeft(t *testing.T) {
	b := ragged(t, 11, 4, 2, 0)
	clear(b.Mask)
	for _, policy := range configs {
		got, stats := coefficients(t, everything(policy), &b)
		assert.Equal(t, make([]float32, 6), got, policy)
		summary := stats.Summary()
		assert.Equal(t, loss.Summary{Rows: 3, EmptyRows: 3}, summary, policy)
		c := mustNew(t, policy).Config()
		for name, x := range c.Metrics(loss.OwnNames, &summary) {
			assert.True(t, isFinite(x), name)
		}
	}
	empty, err := rows.Ragged([]int64{0})
	require.NoError(t, err)
	_, stats := coefficients(t, everything("ppo:0.2"), &loss.Batch{Layout: empty})
	assert.Zero(t, stats)
}

// TestWeights checks what weights do besides multiplying.
func TestWeights(t *testing.T) {
	b := ragged(t, 12, 6, 1, 5)
	kept, _ := coefficients(t, "ppo:0.2", &b)
	for i := range b.Weight {
		if b.Mask[i] != 0 && i%2 == 0 {
			b.Weight[i] = 0
		}
	}
	got, stats := coefficients(t, "ppo:0.2", &b)
	for i := range got {
		if i%2 == 0 {
			assert.Zero(t, got[i])
		} else {
			assert.Equal(t, kept[i], got[i], "a weight of 0 leaves the denominator")
		}
	}
	summary := stats.Summary()
	n := 0
	for _, m := range b.Mask {
		n += int(m)
	}
	assert.EqualValues(t, n, summary.Tokens)
	assert.EqualValues(t, n, summary.Weight.N)
}

func TestDoubleCounting(t *testing.T) {
	b := ragged(t, 13, 5, 2)
	dst := make([]float32, 7)
	for _, policy := range configs {
		e := mustNew(t, policy+", bypass")
		_, err := e.Coefficients(dst, &b, nil)
		switch policy {
		case "reinforce", "gpg", "dro:0.05", "kimi:0.1": // no ratio: the weight is the correction
			assert.NoError(t, err, policy)
		default:
			assert.ErrorIs(t, err, loss.ErrDoubleCounting, policy)
			assert.ErrorIs(t, e.Count(&loss.Counts{}, &b), loss.ErrDoubleCounting, policy)
		}
	}
	b.Rollout = b.Proximal // bypass by another name
	_, err := mustNew(t, "ppo:0.2").Coefficients(dst, &b, nil)
	assert.ErrorIs(t, err, loss.ErrDoubleCounting)
	b.Weight = nil
	_, err = mustNew(t, "ppo:0.2").Coefficients(dst, &b, nil)
	assert.NoError(t, err)
}

func TestBadBatch(t *testing.T) {
	for want, c := range map[string]struct {
		text  string
		spoil func(b *loss.Batch)
	}{
		"Current is missing":        {"gpg", func(b *loss.Batch) { b.Current = nil }},
		"Proximal is missing":       {"gpg", func(b *loss.Batch) { b.Proximal = nil }},
		"Rollout is missing":        {"gpg, bypass", func(b *loss.Batch) { b.Rollout = nil }},
		"Rollout is missing, m2po":  {"m2po", func(b *loss.Batch) { b.Rollout = nil }},
		"Rollout is missing, gpg":   {"gpg, kl:k1:1, kl-weight:rollout", func(b *loss.Batch) { b.Rollout = nil }},
		"Reference is missing":      {"gpg, kl:k1:1", func(b *loss.Batch) { b.Reference = nil }},
		"Reward is missing":         {"topr", func(b *loss.Batch) { b.Reward = nil }},
		"Group is missing":          {"gpg, agg:group-mean", func(b *loss.Batch) { b.Group = nil }},
		"Advantage is missing":      {"gpg", func(b *loss.Batch) { b.Advantage = nil }},
		"both Advantage and":        {"gpg", func(b *loss.Batch) { b.RowAdvantage = b.Reward }},
		"Mask has 6 elements":       {"gpg", func(b *loss.Batch) { b.Mask = b.Mask[:6] }},
		"Weight has 0 elements":     {"gpg", func(b *loss.Batch) { b.Weight = b.Weight[:0] }},
		"RowAdvantage has 1 elemen": {"gpg", func(b *loss.Batch) { b.Advantage, b.RowAdvantage = nil, b.Reward[:1] }},
		"dst has 6 elements":        {"gpg", func(b *loss.Batch) {}},
	} {
		b := ragged(t, 14, 5, 2)
		c.spoil(&b)
		_, err := mustNew(t, c.text).Coefficients(make([]float32, 6), &b, nil)
		assert.ErrorIs(t, err, loss.ErrBatch)
		assert.ErrorContains(t, err, want)
	}
}

// TestDstMayBeInput writes the coefficients over the advantages.
func TestDstMayBeInput(t *testing.T) {
	b := ragged(t, 15, 5, 2, 7)
	want, _ := coefficients(t, everything("gspo:0.1, form:sequence"), &b)
	_, err := mustNew(t, everything("gspo:0.1, form:sequence")).Coefficients(b.Advantage, &b, nil)
	require.NoError(t, err)
	assert.Equal(t, want, b.Advantage)
}

func TestNoDst(t *testing.T) {
	b := ragged(t, 16, 5, 2, 7)
	_, want := coefficients(t, "ppo:0.2", &b)
	got, err := mustNew(t, "ppo:0.2").Coefficients(nil, &b, nil)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestDoesNotAllocate(t *testing.T) {
	b := ragged(t, 17, 50, 2, 70)
	dst := make([]float32, b.Layout.Size())
	for _, policy := range configs {
		e := mustNew(t, everything(policy))
		allocations := testing.AllocsPerRun(5, func() {
			if _, err := e.Coefficients(dst, &b, nil); err != nil {
				t.Fatal(err)
			}
		})
		assert.Zero(t, allocations, policy)
	}
}

func TestMetricNames(t *testing.T) {
	b := ragged(t, 18, 50)
	for _, names := range []loss.Names{loss.OwnNames, loss.VerlNames, loss.NeMoRLNames, loss.TRLNames, loss.OpenRLHFNames, loss.SkyRLNames, loss.SlimeNames, loss.PrimeRLNames} {
		for _, policy := range configs {
			e := mustNew(t, policy)
			stats, err := e.Coefficients(nil, &b, nil)
			require.NoError(t, err)
			summary, c := stats.Summary(), e.Config()
			seen := map[string]bool{}
			for name, x := range c.Metrics(names, &summary) {
				assert.False(t, seen[name], name)
				assert.True(t, isFinite(x), name)
				seen[name] = true
			}
			assert.Equal(t, names == loss.VerlNames && policy == "gpg", len(seen) == 0)
			for range c.Metrics(names, &summary) {
				break // an iterator stops when asked to
			}
		}
	}
}

// TestReduction reduces the figures of parts as a collective would: sums added,
// maxima maximised.
func TestReduction(t *testing.T) {
	whole := ragged(t, 20, 9, 4, 1, 12, 7)
	e := mustNew(t, everything("ppo:0.1, dual:1.1"))
	var counts loss.Counts
	require.NoError(t, e.Count(&counts, &whole))
	stats, err := e.Coefficients(nil, &whole, &counts)
	require.NoError(t, err)
	want := stats.Summary()

	sums, maxima := make([]float64, loss.SumLen), slices.Repeat([]float64{math.Inf(-1)}, loss.MaxLen)
	for _, rows := range [][]int{{0, 2}, {1}, {3, 4}} { // row 1 is empty
		part := pick(t, &whole, rows...)
		stats, err := e.Coefficients(nil, &part, &counts)
		require.NoError(t, err)
		summary := stats.Summary()
		s, m := summary.AppendSums(nil), summary.AppendMaxima(nil)
		require.Len(t, s, loss.SumLen)
		require.Len(t, m, loss.MaxLen)
		for i, x := range s {
			sums[i] += x
		}
		for i, x := range m {
			maxima[i] = max(maxima[i], x)
		}
	}
	got := loss.Reduced(sums, maxima)
	assert.Equal(t, want.Ratio.Min, got.Ratio.Min)
	assert.Equal(t, want.Factor.Max, got.Factor.Max)
	gotSums := got.AppendSums(nil)
	assert.InEpsilonSlice(t, shift(want.AppendSums(nil)), shift(gotSums), 1e-12)
	assert.Equal(t, want.Clipped(), got.Clipped())
	assert.NotZero(t, want.Capped)

	assert.Equal(t, want, loss.Reduced(want.AppendSums(nil), want.AppendMaxima(nil)))
	var nothing loss.Summary
	assert.Equal(t, nothing, loss.Reduced(nothing.AppendSums(nil), nothing.AppendMaxima(nil)))
	assert.Panics(t, func() { loss.Reduced(sums[1:], maxima) })
}

// shift moves zeros to where relative errors exist.
func shift(xs []float64) []float64 {
	for i := range xs {
		xs[i] += 1000
	}
	return xs
}

// TestSameBits compares with the bits of another machine. The input is made
// without package math, whose results are not the same everywhere.
func TestSameBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(19, 19))
	b := ragged(t, 19, 40, 0, 60)
	for _, x := range [][]float32{b.Current, b.Proximal, b.Rollout, b.Reference} {
		for i := range x {
			x[i] = -rng.Float32()
		}
	}
	for i := range b.Advantage {
		b.Advantage[i] = rng.Float32() - 0.5
	}
	digest := fnv.New64a()
	for _, policy := range configs {
		got, stats := coefficients(t, everything(policy), &b)
		summary := stats.Summary()
		fmt.Fprintf(digest, "%x %x %x %x %x", got, summary.Loss(), summary.KL, summary.Ratio.SumSq, summary.Entropy)
	}
	assert.Equal(t, uint64(0x5b7efdab6f0163b4), digest.Sum64())
}

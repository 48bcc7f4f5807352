package correction_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

// TestTable works the rules beyond verl's by hand, on the worked example with
// d = (0.2, 0, −2, −0.1), (0.5, 0.3): row means −0.475 and 0.4.
func TestTable(t *testing.T) {
	all := []uint8{1, 1, 1, 1, 1, 1}
	first, second := []uint8{1, 1, 1, 1, 0, 0}, []uint8{0, 0, 0, 0, 1, 1}
	rho := []float64{1.221403, 1, 0.135335, 0.904837, 1.648721, 1.349859}
	ones := []float64{1, 1, 1, 1, 1, 1}
	for _, c := range []struct {
		policy string
		w      []float64
		keep   []uint8
	}{
		{"token-raw", rho, all},
		{"seq-mask-tis:0.6..1.4", []float64{1.221403, 1, 0.135335, 0.904837, 0, 0}, all},
		{"seq-mask-tis:0.7..", []float64{0, 0, 0, 0, 1.648721, 1.349859}, all},
		{"seq-mask-tis:0.6..1.5", rho, all},
		{"seq-tis:1.5, batch-norm-all", []float64{0.272014, 0.272014, 0.272014, 0.272014, 2.727986, 2.727986}, all},

		{"veto:0.2", ones, second},
		{"any-mask:0.1..1.5", ones, first},
		{"any-mask:0.2..1.5", ones, []uint8{0, 0, 0, 0, 0, 0}},
		{"max-mask:..1.5", ones, first},
		{"max-mask:1.5..", ones, second},
		{"any-k2:1", ones, second},
		// e^−d − 1 + d: 0.018731, 0, 4.389056, 0.005171; 0.106531, 0.040818.
		{"token-k3-reverse:0.1", ones, []uint8{1, 1, 0, 1, 0, 1}},
		{"max-k3-reverse:0.11", ones, second},
		{"mean-k3-reverse:1.1", ones, second},
		{"sum-k3-reverse:0.147", ones, make([]uint8, 6)},
		{"sum-k3-reverse:0.148", ones, second},
		// e^|d|: 1.221403, 1, 7.389056, 1.105171 mean 2.678907; mean 1.499290.
		{"mean-abs-ratio:1.5", ones, second},
		{"mean-abs-ratio:1.499", ones, make([]uint8, 6)},
		// e^−1 − e^−1.2 = 0.066685, 0, −0.318092, −0.086107; 0.263750, 0.035076.
		{"token-prob-diff:-0.3..0.2", ones, []uint8{1, 1, 0, 1, 0, 1}},
		{"mean-prob-diff:-0.08..", ones, second},
		{"sum-prob-diff:..0.29", ones, first},
		{"any-prob-diff:-0.3..", ones, second},
		// Ages 0, 1, 2, 3; 0 (newer than the trainer), 5.
		{"token-age:2", ones, []uint8{1, 1, 1, 0, 1, 0}},
		{"max-age:3", ones, first},
		{"mean-age:1.5", ones, first},
		{"any-age:0", ones, make([]uint8, 6)},
		// Without holes in the mask a row is one turn.
		{"turn-tis:1.3", []float64{0.621885, 0.621885, 0.621885, 0.621885, 1.3, 1.3}, all},
		{"turn-mask:0.6..1.4", ones, first},
		{"turn-k3-reverse:1.1", ones, second},
		{"turn-abs-ratio:1.5", ones, second},
		{"turn-k2:0.5, turn-k3:0.1", ones, second},
		// mean(rollout − optimized) is 0.1 and 0.2; only the second's advantage is
		// negative.
		{"opsm:0.19", ones, first},
		{"opsm:0.21", ones, all},
		{"opsm:0", ones, first},
	} {
		t.Run(c.policy, func(t *testing.T) {
			b := tableBatch(t)
			w, keep := fill(12)
			s, err := corrector(t, c.policy).Correct(w, keep, b)
			require.NoError(t, err)
			for i, x := range c.w {
				assert.InDelta(t, x, w[i], 1e-6, "weight %d", i)
			}
			assert.Equal(t, c.keep, keep[:6])
			kept := 0
			for _, k := range keep {
				kept += int(k)
			}
			assert.EqualValues(t, kept, s.Effect().KeptTokens)
			if len(corrector(t, c.policy).Policy().Filters) == 1 {
				assert.EqualValues(t, 6-kept, s.Filter(0).RejectedTokens, "a lone filter rejects what is rejected")
			}
		})
	}
}

func tableBatch(t *testing.T) *mismatch.Batch {
	b := worked(t)
	b.Version, b.Current = []int32{10, 9, 8, 7, 11, 5, 0, 0, 0, 0, 0, 0}, 10
	b.Optimized = make([]float32, 12)
	for i, x := range b.Rollout {
		b.Optimized[i] = x - 0.1
		if i >= 4 {
			b.Optimized[i] = x - 0.2
		}
	}
	b.RowAdvantage = []float32{1, -1, -1}
	return b
}

func TestMissingInput(t *testing.T) {
	for policy, name := range map[string]string{"token-age:2": "Version", "opsm:0.5": "Optimized"} {
		_, err := corrector(t, policy).Correct(nil, nil, worked(t))
		require.ErrorIs(t, err, correction.ErrMissing)
		assert.ErrorContains(t, err, name)
	}
	b := tableBatch(t)
	b.RowAdvantage = nil
	_, err := corrector(t, "opsm:0.5").Correct(nil, nil, b)
	require.ErrorIs(t, err, correction.ErrMissing)
	b.RowAdvantage = []float32{1}
	_, err = corrector(t, "opsm:0.5").Correct(nil, nil, b)
	require.ErrorIs(t, err, mismatch.ErrShape)
	b = tableBatch(t)
	b.Optimized = b.Optimized[:3]
	_, err = corrector(t, "none").Correct(nil, nil, b)
	require.ErrorIs(t, err, mismatch.ErrShape)
}

// TestNonFiniteGoesWithItsRow: a row that a filter drops keeps nothing.
func TestNonFiniteGoesWithItsRow(t *testing.T) {
	b := worked(t)
	b.Trainer[1] = float32(math.NaN())
	for _, policy := range []string{"veto:0.2, nonfinite:one", "veto:0.2, nonfinite:zero"} {
		_, keep := fill(12)
		_, err := corrector(t, policy).Correct(nil, keep, b)
		require.NoError(t, err)
		assert.Equal(t, []uint8{0, 0, 0, 0, 1, 1}, keep[:6], policy)
	}
}

// TestDerivedStatisticsAreFinite: no input makes a statistic NaN.
func TestDerivedStatisticsAreFinite(t *testing.T) {
	b := tableBatch(t)
	b.Trainer[0], b.Rollout[0] = -3e38, 3e38
	b.Trainer[1], b.Rollout[1] = 0, -1e5
	b.Optimized[2] = float32(math.Inf(-1))
	b.Optimized[3] = float32(math.NaN())
	for _, policy := range []string{
		"token-k3-reverse:1", "mean-abs-ratio:1", "sum-prob-diff:0..1", "any-k3:1", "max-mask:0.5..2", "mean-age:1", "opsm:1",
	} {
		w, keep := fill(12)
		s, err := corrector(t, policy).Correct(w, keep, b)
		require.NoError(t, err)
		f := s.Filter(0)
		for _, x := range []float64{f.Value.Mean(), f.Value.Std(), f.Row.Mean(), f.Row.Max, f.Clamped.Mean()} {
			assert.False(t, x-x != 0, "%s: %v", policy, x)
		}
	}
}

// TestChain: the second policy sees what the first left. Without the token of
// d = −2 the first row's mean is 0.033.
func TestChain(t *testing.T) {
	p, err := correction.Parse("token-mask:0.5..2")
	require.NoError(t, err)
	q, err := correction.Parse("token-tis:1.3, geo-mask:0.9..1.1")
	require.NoError(t, err)
	c, err := correction.NewChain(p, q)
	require.NoError(t, err)
	w, keep := fill(12)
	b := worked(t)
	stats, err := c.Correct(w, keep, b)
	require.NoError(t, err)
	assert.Equal(t, []uint8{1, 1, 0, 1, 0, 0}, keep[:6])
	assert.InDeltaSlice(t, []float64{1.221403, 1, 0, 0.904837, 1.3, 1.3}, w[:6], 1e-6)
	assert.EqualValues(t, 1, stats[0].Filter(0).RejectedTokens)
	assert.EqualValues(t, 5, stats[1].Mismatch().Tokens)
	assert.Zero(t, testing.AllocsPerRun(10, func() { _, _ = c.Correct(w, keep, b) }))

	_, err = correction.NewChain(p, correction.Policy{Normalize: 9})
	require.ErrorIs(t, err, correction.ErrPolicy)
}

func TestTableDoesNotAllocate(t *testing.T) {
	b := tableBatch(t)
	w, keep := fill(12)
	c := corrector(t, "seq-mask-tis:0.9..1.1, veto:0.1, token-k3-reverse:1, mean-abs-ratio:2, any-prob-diff:-0.5..0.5, token-age:3, opsm:0.1")
	assert.Zero(t, testing.AllocsPerRun(10, func() { _, _ = c.Correct(w, keep, b) }))
}

func TestTableMarshals(t *testing.T) {
	p, err := correction.Parse("seq-mask-tis:0.9..1.1, veto:0.1, sum-prob-diff:..0.5, opsm:0.1, batch-norm-all")
	require.NoError(t, err)
	data, err := json.Marshal(p)
	require.NoError(t, err)
	var back correction.Policy
	require.NoError(t, json.Unmarshal(data, &back))
	assert.Equal(t, p, back)
}

// TestTurns: the mask cuts the row into turns with d = (0.2, 0), (−2) and
// (−0.1, 0.5), the last with a token that is not finite in between.
func TestTurns(t *testing.T) {
	layout, err := rows.Padded(1, 8, 8, nil)
	require.NoError(t, err)
	b := &mismatch.Batch{
		Layout:  layout,
		Trainer: []float32{-1.0, -0.5, -7, -3.0, -7, -0.2, float32(math.NaN()), -0.4},
		Rollout: []float32{-1.2, -0.5, -1, -1.0, -1, -0.1, -1.0, -0.9},
		Mask:    []uint8{1, 1, 0, 1, 0, 1, 1, 1},
	}
	w, keep := fill(8)
	s, err := corrector(t, "turn-tis:1.2, turn-mask:0.5..1.2, turn-k3:0.07").Correct(w, keep, b)
	require.NoError(t, err)
	assert.InDeltaSlice(t, []float64{1.105171, 1.105171, 0, 0.135335, 0, 1.2, 0, 1.2}, w, 1e-6)
	assert.Equal(t, []uint8{1, 1, 0, 0, 0, 0, 0, 0}, keep)
	f := s.Filter(0)
	assert.EqualValues(t, 1, f.High)
	assert.EqualValues(t, 1, f.Low)
	assert.EqualValues(t, 3, f.RejectedTokens)
	assert.InDelta(t, -1.4/5, f.Row.Mean(), 1e-6)
	assert.EqualValues(t, 3, s.Filter(1).RejectedTokens)
	assert.EqualValues(t, 2, s.Weight().High)
	assert.InDelta(t, (2*1.105171+0.135335+2.4)/5, s.Weight().RowMean.Mean(), 1e-6)
	assert.InDelta(t, (2*1.105171)*(2*1.105171)/(5*2*1.105171*1.105171), s.Effect().Weight.ESS(), 1e-6)
	c := corrector(t, "turn-tis:1.2, turn-mask:0.5..1.2")
	_, _ = c.Correct(w, keep, b)
	assert.Zero(t, testing.AllocsPerRun(10, func() { _, _ = c.Correct(w, keep, b) }))
}

// TestLongRows checks the decisions of filters on rows of several blocks against
// a plain loop.
func TestLongRows(t *testing.T) {
	const width = 1700
	rng := rand.New(rand.NewPCG(6, 3))
	lengths := []int32{width, 512, 513, 1, 0, 1024, 1300}
	layout, err := rows.Padded(len(lengths), width, width, lengths)
	require.NoError(t, err)
	n := layout.Size()
	b := &mismatch.Batch{Layout: layout, Current: 9}
	for range n {
		rollout := float32(-rng.ExpFloat64())
		b.Rollout = append(b.Rollout, rollout)
		b.Trainer = append(b.Trainer, min(0, rollout+float32(rng.NormFloat64()*0.1)))
		b.Optimized = append(b.Optimized, min(0, rollout+float32(rng.NormFloat64()*0.2)))
		b.Mask = append(b.Mask, uint8(min(1, rng.IntN(40))))
		b.Version = append(b.Version, int32(rng.IntN(10)))
	}
	for range lengths {
		b.RowAdvantage = append(b.RowAdvantage, float32(rng.NormFloat64()))
	}
	statistics := map[correction.Statistic]func(t int) float64{
		correction.K3Reverse: func(t int) float64 { d := float64(b.Trainer[t] - b.Rollout[t]); return math.Expm1(-d) + d },
		correction.AbsRatio:  func(t int) float64 { return math.Exp(math.Abs(float64(b.Trainer[t] - b.Rollout[t]))) },
		correction.ProbDiff:  func(t int) float64 { return math.Exp(float64(b.Trainer[t])) - math.Exp(float64(b.Rollout[t])) },
		correction.Age:       func(t int) float64 { return float64(b.Current - b.Version[t]) },
		correction.OffPolicy: func(t int) float64 { return float64(b.Rollout[t] - b.Optimized[t]) },
		correction.Ratio:     func(t int) float64 { return float64(b.Trainer[t] - b.Rollout[t]) },
		correction.K3:        func(t int) float64 { d := float64(b.Trainer[t] - b.Rollout[t]); return math.Expm1(d) - d },
	}
	for _, policy := range []string{
		"token-k3-reverse:0.01", "mean-k3-reverse:0.0049", "max-k3-reverse:0.06", "any-k3-reverse:0.06", "turn-k3-reverse:0.005",
		"mean-abs-ratio:1.077", "sum-abs-ratio:1300", "token-prob-diff:-0.05..0.05", "sum-prob-diff:-1..1", "turn-prob-diff:-0.01..0.01",
		"token-age:7", "mean-age:4.5", "opsm:0.01", "turn-mask:0.99..1.01", "any-mask:0.72..1.4", "max-mask:1.3..1.4", "turn-k3:0.005",
	} {
		t.Run(policy, func(t *testing.T) {
			c := corrector(t, policy)
			f := c.Policy().Filters[0]
			w, keep := fill(n)
			_, err := c.Correct(w, keep, b)
			require.NoError(t, err)
			want := make([]uint8, n)
			for i, length := range lengths {
				start := i * width
				plainFilter(want, f, b, statistics[f.Statistic], start, start+int(length), b.RowAdvantage[i])
			}
			assert.Equal(t, want, keep)
		})
	}
}

// plainFilter applies a filter to the row from start to end.
func plainFilter(keep []uint8, f correction.Filter, b *mismatch.Batch, statistic func(int) float64, start, end int, advantage float32) {
	lo, hi := f.Lo, f.Hi
	switch f.Statistic {
	case correction.Ratio:
		lo, hi = math.Log(lo), math.Log(hi)
	case correction.OffPolicy:
		lo = math.Inf(-1)
		if advantage >= 0 {
			hi = math.Inf(1)
		}
	}
	pass := func(x float64) bool { return lo <= x && x <= hi }
	settle := func(from, to int) { // tokens that are judged together
		sum, n, most, all := 0.0, 0.0, math.Inf(-1), true
		for t := from; t < to; t++ {
			if b.Mask[t] != 0 {
				x := statistic(t)
				sum, n, most, all = sum+x, n+1, max(most, x), all && pass(x)
			}
		}
		switch f.Level {
		case correction.Sequence:
			all = pass(sum)
		case correction.Mean, correction.Turn:
			all = pass(sum / n)
		case correction.Maximum:
			all = pass(most)
		}
		for t := from; t < to; t++ {
			if b.Mask[t] != 0 && all {
				keep[t] = 1
			}
		}
	}
	switch f.Level {
	case correction.Token:
		for t := start; t < end; t++ {
			settle(t, t+1)
		}
	case correction.Turn:
		for t := start; t < end; t++ {
			from := t
			for t < end && b.Mask[t] != 0 {
				t++
			}
			settle(from, t)
		}
	default:
		settle(start, end)
	}
}

package loss_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/loss"
)

func advantages(t testing.TB, a loss.Advantages, reward []float32, groupOf []int32, keep []uint8) ([]float32, loss.AdvantageStats) {
	dst := make([]float32, len(reward))
	stats, err := a.Compute(dst, reward, groupOf, keep)
	require.NoError(t, err)
	return dst, stats
}

func TestAdvantages(t *testing.T) {
	// Two groups interleaved, a group of one, and one whose rewards are all 0.1:
	// their mean does not round to 0.1.
	reward := []float32{1, 3, 0, 4, 5, 0, 0.1, 0.1, 0.1}
	groupOf := []int32{9, -2, 9, -2, 7, 9, 0, 0, 0}
	std9 := math.Sqrt((4./9 + 1./9 + 1./9) / 2)
	std2 := math.Sqrt(0.5)
	for name, c := range map[string]struct {
		a    loss.Advantages
		want []float64
	}{
		"grpo":      {loss.Advantages{}, []float64{2. / 3 / (std9 + 1e-6), -0.5 / (std2 + 1e-6), -1. / 3 / (std9 + 1e-6), 0.5 / (std2 + 1e-6), 0, -1. / 3 / (std9 + 1e-6), 0, 0, 0}},
		"trl":       {loss.Advantages{Epsilon: 1e-4}, []float64{2. / 3 / (std9 + 1e-4), -0.5 / (std2 + 1e-4), -1. / 3 / (std9 + 1e-4), 0.5 / (std2 + 1e-4), 0, -1. / 3 / (std9 + 1e-4), 0, 0, 0}},
		"dr-grpo":   {loss.Advantages{Baseline: loss.GroupCentred}, []float64{2. / 3, -0.5, -1. / 3, 0.5, 0, -1. / 3, 0, 0, 0}},
		"rloo":      {loss.Advantages{Baseline: loss.LeaveOneOut}, []float64{1, -1, -0.5, 1, 0, -0.5, 0, 0, 0}},
		"rloo verl": {loss.Advantages{Baseline: loss.LeaveOneOut, Alone: loss.RewardAlone}, []float64{1, -1, -0.5, 1, 5, -0.5, 0, 0, 0}},
		"grpo verl": {loss.Advantages{Alone: loss.RewardAlone}, []float64{2. / 3 / (std9 + 1e-6), -0.5 / (std2 + 1e-6), -1. / 3 / (std9 + 1e-6), 0.5 / (std2 + 1e-6), 5 / (1 + 1e-6), -1. / 3 / (std9 + 1e-6), 0, 0, 0}},
	} {
		got, stats := advantages(t, c.a, reward, groupOf, nil)
		for i, want := range c.want {
			assert.InDelta(t, want, got[i], 1e-6, "%s: row %d", name, i)
		}
		assert.Equal(t, []float32{0, 0, 0}, got[6:], "equal rewards: exactly 0")
		assert.Equal(t, loss.AdvantageStats{Groups: 4, AloneGroups: 1, FlatGroups: 1}, stats, name)
	}
}

// TestAdvantagesAfterRejection rejects one row of three, then two.
func TestAdvantagesAfterRejection(t *testing.T) {
	reward := []float32{1, 0, 5}
	groupOf := []int32{0, 0, 0}
	a := loss.Advantages{Baseline: loss.GroupCentred}
	got, stats := advantages(t, a, reward, groupOf, []uint8{1, 1, 0})
	assert.Equal(t, []float32{-1, -2, 0}, got, "the baseline of all three")
	assert.EqualValues(t, 1, stats.RejectedRows)

	a.Rejected = loss.BaselineOverKept
	got, _ = advantages(t, a, reward, groupOf, []uint8{1, 1, 0})
	assert.Equal(t, []float32{0.5, -0.5, 0}, got, "the baseline of the two that are kept")

	got, stats = advantages(t, a, reward, groupOf, []uint8{0, 1, 0})
	assert.Equal(t, []float32{0, 0, 0}, got)
	assert.EqualValues(t, 1, stats.AloneGroups)

	got, stats = advantages(t, a, reward, groupOf, []uint8{0, 0, 0})
	assert.Equal(t, []float32{0, 0, 0}, got)
	assert.Equal(t, loss.AdvantageStats{RejectedRows: 3}, stats)

	// Flat but for the rejected row: the others still differ from a baseline over all.
	a.Rejected = loss.BaselineOverAll
	got, _ = advantages(t, a, []float32{2, 2, 5}, groupOf, []uint8{1, 1, 0})
	assert.Equal(t, []float32{-1, -1, 0}, got)
}

func TestAdvantagesOfBadRewards(t *testing.T) {
	inf := float32(math.Inf(1))
	got, stats := advantages(t, loss.Advantages{Baseline: loss.GroupCentred},
		[]float32{1, float32(math.NaN()), 3, inf, -inf, 2e12}, []int32{0, 0, 0, 0, 1, 2}, nil)
	assert.Equal(t, []float32{-1, 0, 1, 0, 0, 0}, got)
	assert.Equal(t, loss.AdvantageStats{Groups: 1, NonFinite: 4}, stats)
	var sum loss.AdvantageStats
	sum.Merge(&stats)
	sum.Merge(&stats)
	assert.Equal(t, loss.AdvantageStats{Groups: 2, NonFinite: 8}, sum)
}

func TestAdvantagesInAnyOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n = 200
	reward, groupOf, keep := make([]float32, n), make([]int32, n), make([]uint8, n)
	for i := range n {
		reward[i], groupOf[i], keep[i] = rng.Float32()*1e6, int32(rng.IntN(30)), uint8(min(rng.IntN(5), 1))
	}
	order := rng.Perm(n)
	for _, a := range []loss.Advantages{{}, {Baseline: loss.LeaveOneOut, Rejected: loss.BaselineOverKept}} {
		want, wantStats := advantages(t, a, reward, groupOf, keep)
		reward2, groupOf2, keep2 := make([]float32, n), make([]int32, n), make([]uint8, n)
		for i, k := range order {
			reward2[i], groupOf2[i], keep2[i] = reward[k], groupOf[k], keep[k]
		}
		got, stats := advantages(t, a, reward2, groupOf2, keep2)
		assert.Equal(t, wantStats, stats)
		for i, k := range order {
			assert.Equal(t, want[k], got[i])
		}
	}
	var a loss.Advantages
	assert.Zero(t, testing.AllocsPerRun(5, func() {
		if _, err := a.Compute(reward, reward, groupOf, keep); err != nil {
			t.Fatal(err)
		}
	}))
}

func TestAdvantageErrors(t *testing.T) {
	one := []float32{1}
	for _, a := range []loss.Advantages{{Baseline: 9}, {Rejected: 9}, {Alone: 9}, {Epsilon: -1}, {Epsilon: math.NaN()}} {
		_, err := a.Compute(one, one, []int32{0}, nil)
		assert.ErrorIs(t, err, loss.ErrAdvantage)
	}
	var a loss.Advantages
	_, err := a.Compute(nil, one, []int32{0}, nil)
	assert.ErrorIs(t, err, loss.ErrAdvantage)
	_, err = a.Compute(one, one, nil, nil)
	assert.ErrorIs(t, err, loss.ErrAdvantage)
	_, err = a.Compute(one, one, []int32{0}, []uint8{})
	assert.ErrorIs(t, err, loss.ErrAdvantage)
}

func TestWhitening(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	const n = 50
	x, tokens := make([]float32, n), make([]int32, n)
	var all []float64
	for i := range n {
		x[i], tokens[i] = float32(3+2*rng.NormFloat64()), int32(rng.IntN(9))
		for range tokens[i] {
			all = append(all, float64(x[i]))
		}
	}
	mean, variance := 0.0, 0.0
	for _, a := range all {
		mean += a / float64(len(all))
	}
	for _, a := range all {
		variance += (a - mean) * (a - mean) / float64(len(all)-1)
	}
	var w, second loss.Whitening
	w.Add(x[:20], tokens[:20])
	second.Add(x[20:], tokens[20:])
	w.Merge(&second)
	got := append([]float32(nil), x...)
	w.Apply(got)
	for i := range got {
		assert.InDelta(t, (float64(x[i])-mean)/math.Sqrt(variance+1e-8), got[i], 1e-5)
	}

	var empty loss.Whitening
	empty.Add([]float32{float32(math.NaN()), 5}, []int32{3, 1})
	y := []float32{7}
	empty.Apply(y)
	assert.Equal(t, []float32{7}, y, "one token has no variance")
	assert.Panics(t, func() { empty.Add(x, nil) })
}

func TestApproximateProximal(t *testing.T) {
	cur := []float32{-1, -1, -1, -1, -1, -1}
	ro := []float32{-3, -3, -3, -3, -3, -3}
	version := []int32{10, 9, 8, 7, 11, -1}
	got := make([]float32, 6)
	loss.ApproximateProximal(got, cur, ro, version, 10, loss.LogLinear)
	assert.InDeltaSlice(t, []float32{-3, -3, -2, -3 + 2*2./3, -3, -3}, got, 1e-6)
	loss.ApproximateProximal(got, cur, ro, version, 10, loss.Linear)
	assert.InDelta(t, math.Log(0.5*math.Exp(-1)+0.5*math.Exp(-3)), got[2], 1e-6)
	loss.ApproximateProximal(got, cur, ro, version, 10, loss.SameAsRollout)
	assert.Equal(t, ro, got)
	assert.Panics(t, func() { loss.ApproximateProximal(got, cur, ro, version[:1], 10, loss.Linear) })
}

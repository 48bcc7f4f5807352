package exact_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/trueup-rl/trueup/internal/exact"
)

// terms returns values of many magnitudes and both signs, all of them multiples
// of 2⁻¹²⁸ so that big.Float adds the very same numbers.
func terms(rng *rand.Rand, n int) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		m := float64(rng.Int64N(1<<53)) * float64(1-2*rng.IntN(2))
		xs[i] = math.Ldexp(m, rng.IntN(185)-128)
	}
	return xs
}

func bigSum(xs []float64) float64 {
	sum := new(big.Float).SetPrec(400)
	for _, x := range xs {
		sum.Add(sum, new(big.Float).SetPrec(400).SetFloat64(x))
	}
	f, _ := sum.Float64()
	return f
}

func TestSumIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		xs := terms(rng, 1+rng.IntN(40))
		var s exact.Sum
		for _, x := range xs {
			s.Add(x)
		}
		assert.Equal(t, bigSum(xs), s.Float64())
	}
}

func TestSumCancels(t *testing.T) {
	var s exact.Sum
	for _, x := range []float64{0x1p100, 1, 0x1p-60, -0x1p100, -1} {
		s.Add(x)
	}
	assert.Equal(t, 0x1p-60, s.Float64())
	s.Add(-0x1p-60)
	assert.Equal(t, 0.0, s.Float64())
}

func TestSumRoundsSmallTermsToTheGrid(t *testing.T) {
	for _, c := range []struct{ x, want float64 }{
		{0x1p-128, 0x1p-128},
		{0x1p-129, 0},            // a tie goes to the even multiple
		{0x1.8p-128, 0x1p-127},   // so does this one
		{0x1.1p-129, 0x1p-128},   // above a tie
		{-0x1.1p-129, -0x1p-128}, // and with the sign
		{0x1p-182, 0},
		{0x1p-1074, 0},
	} {
		var s exact.Sum
		s.Add(c.x)
		assert.Equal(t, c.want, s.Float64(), "%x", c.x)
	}
}

func TestSumRefuses(t *testing.T) {
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0x1p120} {
		assert.Panics(t, func() { new(exact.Sum).Add(x) }, "%v", x)
	}
	var s exact.Sum
	s.Add(-0x1.fffffffffffffp119)
	assert.Equal(t, -0x1.fffffffffffffp119, s.Float64())
}

func TestSumAnyOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	xs := terms(rng, 1000)
	var want exact.Sum
	for _, x := range xs {
		want.Add(x)
	}
	for range 20 {
		rng.Shuffle(len(xs), func(i, j int) { xs[i], xs[j] = xs[j], xs[i] })
		parts := make([]exact.Sum, 7)
		for i, x := range xs {
			parts[i%7].Add(x)
		}
		var got exact.Sum
		for i := range parts {
			got.Merge(&parts[i])
		}
		assert.Equal(t, want, got)
	}
}

func TestLogSum(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, spread := range []float64{1, 30, 300, 3000} {
		xs := make([]float64, 200)
		largest := math.Inf(-1)
		for i := range xs {
			xs[i] = rng.NormFloat64()*spread - 5000
			largest = max(largest, xs[i])
		}
		want := 0.0
		for _, x := range xs {
			want += math.Exp(x - largest)
		}
		var s exact.LogSum
		for _, x := range xs {
			s.Add(x)
		}
		m, e := s.Parts()
		assert.InDelta(t, math.Log(want)+largest, math.Log(m)+float64(e)*math.Ln2, 1e-9)

		for range 10 { // any order, any split: the same bits
			rng.Shuffle(len(xs), func(i, j int) { xs[i], xs[j] = xs[j], xs[i] })
			var parts [5]exact.LogSum
			for i, x := range xs {
				parts[i%5].Add(x)
			}
			var got exact.LogSum
			for i := range parts {
				got.Merge(&parts[i])
			}
			assert.Equal(t, s, got)
		}
	}
	m, e := new(exact.LogSum).Parts()
	assert.Zero(t, m)
	assert.Zero(t, e)
}

func TestMoments(t *testing.T) {
	var a, b exact.Moments
	a.Add(-2)
	a.AddBlock(exact.Block{})
	b.AddBlock(exact.Block{N: 3, Sum: 6, SumSq: 14, Min: 1, Max: 3})
	a.Merge(&b)
	a.Merge(&exact.Moments{})
	assert.Equal(t, exact.Block{N: 4, Sum: 4, SumSq: 18, Min: -2, Max: 3}, a.Block())
}

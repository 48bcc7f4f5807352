package kernel_test

import (
	"hash/fnv"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/internal/kernel"
)

const prec = 240

func bigF(x float64) *big.Float { return new(big.Float).SetPrec(prec).SetFloat64(x) }

// bigExp sums the Taylor series of e^(x/2¹⁶) and squares sixteen times: slow,
// and sharing nothing with the code under test.
func bigExp(x float64) *big.Float {
	const halvings = 16
	y := bigF(x)
	y.SetMantExp(y, -halvings)
	sum, term := bigF(1), bigF(1)
	for i := 1; i < 60; i++ {
		term.Mul(term, y)
		term.Quo(term, bigF(float64(i)))
		sum.Add(sum, term)
	}
	for range halvings {
		sum.Mul(sum, sum)
	}
	return sum
}

// ulps returns |got − want| in units of the last place of want.
func ulps(got float64, want *big.Float) float64 {
	w, _ := want.Float64()
	ulp := math.Nextafter(math.Abs(w), math.Inf(1)) - math.Abs(w)
	diff := new(big.Float).SetPrec(prec).Sub(bigF(got), want)
	diff.Quo(diff, bigF(ulp))
	u, _ := diff.Float64()
	return math.Abs(u)
}

func arguments(n int, lo, hi float64) []float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	xs := []float64{0, 0.34657359027997264, -0.34657359027997264, 0.34657359027997270, 1, -1, 20, -20}
	for range n {
		xs = append(xs, lo+(hi-lo)*rng.Float64(), math.Ldexp(rng.Float64()-0.5, -rng.IntN(60)))
	}
	return xs
}

func TestExp(t *testing.T) {
	worst := 0.0
	for _, x := range arguments(3000, -700, 700) {
		worst = max(worst, ulps(kernel.Exp(x), bigExp(x)))
	}
	t.Logf("worst error %.3f ulp", worst)
	assert.Less(t, worst, 0.7)
}

func TestExpm1(t *testing.T) {
	worst := 0.0
	for _, x := range arguments(3000, -40, 300) {
		if x == 0 {
			assert.Zero(t, kernel.Expm1(x))
			continue
		}
		worst = max(worst, ulps(kernel.Expm1(x), bigExp(x).Sub(bigExp(x), bigF(1))))
	}
	t.Logf("worst error %.3f ulp", worst)
	assert.Less(t, worst, 1.0)
}

func TestExpEdges(t *testing.T) {
	assert.Equal(t, 1.0, kernel.Exp(0))
	assert.Equal(t, 0.0, kernel.Exp(math.Inf(-1)))
	assert.Equal(t, 0.0, kernel.Exp(-1e9))
	assert.True(t, math.IsInf(kernel.Exp(math.Inf(1)), 1))
	assert.True(t, math.IsInf(kernel.Exp(710), 1))
	assert.True(t, math.IsNaN(kernel.Exp(math.NaN())))
	for _, x := range []float64{-740, 709.7} { // a subnormal result, and one near the top
		assert.LessOrEqual(t, ulps(kernel.Exp(x), bigExp(x)), 1.0)
	}
}

func TestExpK3(t *testing.T) {
	worstW, worstK := 0.0, 0.0
	for _, d := range arguments(3000, -60, 60) {
		w, k3 := kernel.ExpK3(d)
		exact := bigExp(d)
		worstW = max(worstW, ulps(w, exact))
		exact.Sub(exact, bigF(1))
		exact.Sub(exact, bigF(d))
		if want, _ := exact.Float64(); math.Abs(d) > 1e-30 {
			worstK = max(worstK, math.Abs(k3-want)/want)
		}
	}
	t.Logf("worst error of e^d %.3f ulp, of k3 %.2g relative", worstW, worstK)
	assert.Less(t, worstW, 0.7)
	assert.Less(t, worstK, 3e-15)
	w, k3 := kernel.ExpK3(0)
	assert.Equal(t, 1.0, w)
	assert.Equal(t, 0.0, k3)
}

func TestExpParts(t *testing.T) {
	for _, x := range []float64{0, -3000, 12345.678, -1e6} {
		m, n := kernel.ExpParts(x)
		// ln(m·2ⁿ) must be x; at |x| = 1e6 a float64 resolves 1e-10.
		assert.InDelta(t, x, math.Log(m)+float64(n)*math.Ln2, 1e-9*max(1, math.Abs(x)/1e3))
		assert.Greater(t, m, 0.70)
		assert.Less(t, m, 1.42)
	}
}

func TestLog(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	xs := []float64{1, 2, 0.5, math.Sqrt2, math.Sqrt2 / 2, 0x1p-900, 0x1p900}
	for range 3000 {
		xs = append(xs, rng.Float64()*4, 1+(rng.Float64()-0.5)*math.Ldexp(1, -rng.IntN(50)), math.Exp(1400*rng.Float64()-700))
	}
	worst := 0.0
	for _, x := range xs {
		got := kernel.Log(x)
		if x == 1 {
			require.Zero(t, got)
			continue
		}
		// One Newton step from the answer gives the error: ln x = y + (x − e^y)/e^y + O(ε²).
		y := got
		e := bigExp(y)
		diff := bigF(x)
		diff.Sub(diff, e).Quo(diff, e)
		want := new(big.Float).SetPrec(prec).Add(bigF(y), diff)
		worst = max(worst, ulps(y, want))
	}
	t.Logf("worst error %.3f ulp", worst)
	assert.Less(t, worst, 1.0)

	for _, k := range []int{-1074, -1060, -1022, 1023} { // math.Log itself is wrong on some of these
		assert.InEpsilon(t, float64(k)*math.Ln2, kernel.Log(math.Ldexp(1, k)), 1e-15)
	}
	assert.True(t, math.IsInf(kernel.Log(0), -1))
	assert.True(t, math.IsInf(kernel.Log(math.Inf(1)), 1))
	assert.True(t, math.IsNaN(kernel.Log(-1)))
	assert.True(t, math.IsNaN(kernel.Log(math.NaN())))
}

// TestSameBits locks the results themselves: a platform, build tag or compiler
// that rounds one step differently changes the digest.
func TestSameBits(t *testing.T) {
	h := fnv.New64a()
	put := func(x float64) {
		b := math.Float64bits(x)
		for range 8 {
			h.Write([]byte{byte(b)})
			b >>= 8
		}
	}
	state := uint64(1)
	for range 200_000 {
		state = state*6364136223846793005 + 1442695040888963407
		d := float64(int64(state)>>11) * 0x1p-46 // about ±128
		put(kernel.Exp(d))
		w, k3 := kernel.ExpK3(d / 64)
		put(w)
		put(k3)
		put(kernel.Log(math.Abs(d) + 0x1p-60))
	}
	assert.Equal(t, uint64(0xad466ca27bce1250), h.Sum64())
}

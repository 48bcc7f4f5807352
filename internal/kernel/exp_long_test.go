package kernel_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// dd is a sum of two float64s: about 106 bits, enough to judge float64 results
// by, and fast enough for tens of millions of them.
type dd struct{ hi, lo float64 }

func (a dd) add(b dd) dd {
	s := a.hi + b.hi
	v := s - a.hi
	e := (a.hi - (s - v)) + (b.hi - v) + a.lo + b.lo
	return dd{s + e, e - ((s + e) - s)}
}

func (a dd) mul(b dd) dd {
	p := float64(a.hi * b.hi)
	e := math.FMA(a.hi, b.hi, -p) + float64(a.hi*b.lo) + float64(a.lo*b.hi)
	return dd{p + e, e - ((p + e) - p)}
}

// ddExp reduces x by a three-part ln 2, sums a Taylor series for r/256 and
// squares eight times.
func ddExp(x float64) dd {
	n := math.RoundToEven(x / math.Ln2)
	// ln 2 in parts of 29, 32 and 53 bits.
	const l1, l2, l3 = 0x1.62e42fep-1, 0x1.f473de6ap-30, 0x1.e4f1d9cc01f98p-63
	r := dd{x - float64(n*l1), 0}.add(dd{-float64(n * l2), 0}).add(dd{-float64(n * l3), 0})
	r = dd{r.hi / 256, r.lo / 256}
	sum := dd{1, 0}
	for k := 11; k > 0; k-- { // Horner: 1 + r/1·(1 + r/2·(1 + …))
		q := r.hi / float64(k)
		rest := math.FMA(-q, float64(k), r.hi) + r.lo
		sum = dd{1, 0}.add(sum.mul(dd{q, rest / float64(k)}))
	}
	for range 8 {
		sum = sum.mul(sum)
	}
	return dd{math.Ldexp(sum.hi, int(n)), math.Ldexp(sum.lo, int(n))}
}

// ddUlps returns |got − want| in units of the last place of want.
func ddUlps(got float64, want dd) float64 {
	a := math.Abs(want.hi)
	return math.Abs((got-want.hi)-want.lo) / (math.Nextafter(a, math.Inf(1)) - a)
}

// TestExpError measures the worst errors over 20 million points, 200,000 in
// short mode.
func TestExpError(t *testing.T) {
	points := 20_000_000
	if testing.Short() {
		points = 200_000
	}
	rng := rand.New(rand.NewPCG(9, 9))
	worstExp, worstExpm1, worstK3 := 0.0, 0.0, 0.0
	for range points {
		x := 20 * (2*rng.Float64() - 1)
		if rng.IntN(2) == 0 {
			x = math.Ldexp(x, -rng.IntN(12))
		}
		exact := ddExp(x)
		w, k3 := kernel.ExpK3(x)
		worstExp = max(worstExp, ddUlps(w, exact))
		exact = exact.add(dd{-1, 0})
		worstExpm1 = max(worstExpm1, ddUlps(kernel.Expm1(x), exact))
		exact = exact.add(dd{-x, 0})
		if math.Abs(x) > 1e-4 { // closer to 0 the oracle has too few digits left
			worstK3 = max(worstK3, math.Abs((k3-exact.hi)-exact.lo)/exact.hi)
		}
	}
	t.Logf("over %d points: e^x %.3f ulp, e^x − 1 %.3f ulp, k3 %.2g relative", points, worstExp, worstExpm1, worstK3)
	assert.Less(t, worstExp, 0.7)
	assert.Less(t, worstExpm1, 1.0)
	assert.Less(t, worstK3, 3e-15)
}

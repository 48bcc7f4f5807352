package kernel_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
)

// k3Oracle returns e^d − 1 − d for a float32 d to some 1e-13 of its value.
func k3Oracle(d float64) float64 {
	if math.Abs(d) > 0.3 {
		return math.Expm1(d) - d
	}
	sum := 0.0
	for k := 14; k > 2; k-- { // d²/2·(1 + d/3·(1 + d/4·(…)))
		sum = d / float64(k) * (1 + sum)
	}
	return d * d / 2 * (1 + sum)
}

// TestExpK3Float32 compares with float64: 150 million of the float32 with
// 2⁻⁴⁰ ≤ |d| ≤ 20, in short mode one in two hundred of them. The worst of all are
// among them in any case.
func TestExpK3Float32(t *testing.T) {
	step := uint32(5)
	if testing.Short() {
		step *= 201
	}
	kerneltest.EachLevel(t, func(t *testing.T) {
		levels := kernel.Levels()
		if !testing.Short() && kernel.Current() != levels[len(levels)-1] {
			t.Skip("the fastest level only; TestRatioLevels compares the others with it")
		}
		var b kernel.Block
		var d, zero [kernel.BlockLen]float32
		n, worstW, worstK3, atW, atK3 := 0, 0.0, 0.0, float32(0), float32(0)
		flush := func() {
			b.Load(d[:n], zero[:n], nil)
			for i, x := range d[:n] {
				e := float64(x)
				if u := ulps32(b.W[i], math.Exp(e)); u > worstW {
					worstW, atW = u, x
				}
				want := k3Oracle(e)
				if r := math.Abs(float64(b.K3[i])-want) / want; r > worstK3 {
					worstK3, atK3 = r, x
				}
			}
			n = 0
		}
		for bits := math.Float32bits(0x1p-40); bits <= math.Float32bits(20); bits += step {
			x := math.Float32frombits(bits)
			d[n], d[n+1] = x, -x
			if n += 2; n == len(d) {
				flush()
			}
		}
		d[n], d[n+1] = 1.3194159, 0.08714076
		n += 2
		flush()
		t.Logf("worst errors: w %.4f ulp at %v, k3 %.2g relative at %v", worstW, atW, worstK3, atK3)
		assert.LessOrEqual(t, worstW, 0.63)
		assert.LessOrEqual(t, worstK3, 1e-6)
	})
}

func TestExpK3Float32Edges(t *testing.T) {
	for _, d := range []float32{0, float32(math.Copysign(0, -1))} {
		w, k3 := kernel.ExpK3Float32(d)
		assert.Equal(t, float32(1), w)
		assert.Equal(t, uint32(0), math.Float32bits(k3))
	}
	_, k3 := kernel.ExpK3Float32(0x1p-70)
	assert.Equal(t, float32(0x1p-141), k3, "a subnormal result")
}

// TestExpK3Float32SameBits locks the results themselves.
func TestExpK3Float32SameBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 12))
	h := uint64(14695981039346656037)
	put := func(x float32) { h = (h ^ uint64(math.Float32bits(x))) * 1099511628211 }
	for i := range 200_000 {
		w, k3 := kernel.ExpK3Float32(float32((2*rng.Float64() - 1) * math.Ldexp(20, -(i%12))))
		put(w)
		put(k3)
	}
	assert.Equal(t, uint64(0x2a44778f403cb22e), h)
}

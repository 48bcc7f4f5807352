package kernel_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// ulps32 returns |got − want| in units of the last place of a float32 at want.
func ulps32(got float32, want float64) float64 {
	_, e := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(e-24, -149))
}

// TestExp32 compares with float64: some 60 million arguments of both signs, in
// short mode one in fifty of them.
func TestExp32(t *testing.T) {
	step := uint32(9)
	if testing.Short() {
		step *= 51
	}
	worst, at := 0.0, float32(0)
	check := func(x float32) {
		if u := ulps32(kernel.Exp32(x), math.Exp(float64(x))); u > worst {
			worst, at = u, x
		}
	}
	for b := math.Float32bits(0x1p-27); b <= math.Float32bits(88.722835); b += step {
		check(math.Float32frombits(b))
		check(-math.Float32frombits(b))
	}
	for b := math.Float32bits(-86); b < math.Float32bits(-105); b += step { // subnormal results
		check(math.Float32frombits(b))
	}
	check(-0x1.73b2aep+0) // the worst of all
	t.Logf("worst error %.4f ulp, of e^%v", worst, at)
	assert.LessOrEqual(t, worst, 0.75)
}

func TestExp32Edges(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	assert.Equal(t, float32(1), kernel.Exp32(0))
	assert.Equal(t, float32(1), kernel.Exp32(float32(math.Copysign(0, -1))))
	assert.Equal(t, float32(1), kernel.Exp32(math.SmallestNonzeroFloat32))
	assert.Equal(t, inf, kernel.Exp32(inf))
	assert.Equal(t, inf, kernel.Exp32(88.72284))
	assert.Equal(t, inf, kernel.Exp32(math.MaxFloat32))
	assert.Equal(t, float32(0), kernel.Exp32(-inf))
	assert.Equal(t, float32(0), kernel.Exp32(-104))
	assert.Equal(t, float32(math.SmallestNonzeroFloat32), kernel.Exp32(-103.5))
	got := kernel.Exp32(nan)
	assert.True(t, got != got)
}

// TestExp32SameBits locks the results themselves.
func TestExp32SameBits(t *testing.T) {
	h := uint64(14695981039346656037)
	for i := range uint32(200_000) {
		x := float32(int32(i*2654435761)) * 0x1p-24 // ±128
		h = (h ^ uint64(math.Float32bits(kernel.Exp32(x)))) * 1099511628211
	}
	assert.Equal(t, uint64(0xc5c88dd19a63c145), h)
}

// TestFMA32 compares with big.Float, which rounds the exact sum once.
func TestFMA32(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	float := func(spread int) float32 {
		return float32(math.Ldexp(rng.Float64()-0.5, rng.IntN(2*spread+1)-spread))
	}
	n := 300_000
	if testing.Short() {
		n = 30_000
	}
	check := func(x, y, z float32) {
		exact := new(big.Float).SetPrec(600).SetFloat64(float64(x) * float64(y))
		exact.Add(exact, new(big.Float).SetFloat64(float64(z)))
		want, _ := exact.Float32()
		require.Equal(t, want, kernel.FMA32(x, y, z), "%x·%x + %x", x, y, z)
	}
	for i := range n {
		x, y := float(20), float(20)
		switch i % 4 {
		case 0:
			check(x, y, float(40))
		case 1: // subnormal results
			check(x, y*0x1p-120, float(40)*0x1p-110)
			check(x*0x1p-60, y*0x1p-70, float(20)*0x1p-130)
		case 2: // near-cancellation
			check(x, y, -x*y)
		case 3: // a sum that lies next to a midpoint: z's last place is 2 and the product 1 ± 2⁻⁴⁶
			a := 1 + float32(rng.IntN(1<<23))*0x1p-23
			z := float32(rng.IntN(1<<23)+1<<23) * 2
			check(a, 1/a, z)
			check(-a, 1/a, z)
			check(1+0x1p-23, 1-0x1p-23, z)
			check(1+0x1p-23, 0x1p-23-1, z)
		}
	}
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	assert.Equal(t, inf, kernel.FMA32(math.MaxFloat32, 2, 0))
	assert.Equal(t, inf, kernel.FMA32(inf, 2, 1))
	for _, x := range []float32{kernel.FMA32(nan, 0, 0), kernel.FMA32(inf, 0, 0), kernel.FMA32(inf, 1, -inf), kernel.FMA32(0, 0, nan)} {
		assert.True(t, x != x)
	}
}

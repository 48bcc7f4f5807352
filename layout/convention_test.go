package layout_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/layout"
)

// factors are what codes are multiplied by, as the peers write it.
var factors = map[layout.Convention]func(s, t float32) float32{
	layout.Multiplier: func(s, t float32) float32 { return s * t },
	layout.Divisor:    func(s, t float32) float32 { return s / t },
	layout.AMax:       func(s, t float32) float32 { return float32(s*t) * float32(1.0/2688) },
}

func same(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b }

func allScales() []fp8.E4M3 {
	scales := make([]fp8.E4M3, 256)
	for i := range scales {
		scales[i] = fp8.E4M3(i)
	}
	return scales
}

func TestConvert(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	inputs := []float32{0, 1, 2, 0x1p-20, 0x1p126, 0x1p127, 0x1p-126, 0x1p-127, 0x1p-149, 1.0 / 3, 5.0 / 2688,
		float32(math.Inf(1)), float32(math.NaN()), math.MaxFloat32, -1, -0.3}
	n := 2000
	if testing.Short() {
		n = 200
	}
	for range n {
		inputs = append(inputs, float32(math.Ldexp(1+rng.Float64(), rng.IntN(40)-30)))
	}
	for from, factor := range factors {
		for to, other := range factors {
			exacts := 0
			for _, x := range inputs {
				y, exact := layout.Convert(x, from, to)
				first := -1
				for i, s := range allScales() {
					if !same(factor(s.Float32(), x), other(s.Float32(), y)) {
						first = i
						break
					}
				}
				assert.Equal(t, exact, first < 0, "%v from %v to %v", x, from, to)
				assert.Equal(t, first, layout.FirstDifference(allScales(), x, from, y, to))
				if exact {
					exacts++
				} else if a := math.Abs(float64(x)); 0x1p-100 < a && a < 0x1p100 {
					want, got := factor(1, x), other(1, y)
					assert.InEpsilon(t, want, got, 0x1p-22, "%v from %v to %v", x, from, to)
				}
				if frac, _ := math.Frexp(float64(x)); frac == 0.5 && x > 0x1p-120 && x < 0x1p120 && to != layout.AMax && from != layout.AMax {
					assert.True(t, exact, "a power of two, %v from %v to %v", x, from, to)
				}
			}
			t.Logf("%v to %v: %d of %d exact", from, to, exacts, len(inputs))
			if from == to {
				assert.Equal(t, len(inputs), exacts)
			}
		}
	}
}

func TestConvertByHand(t *testing.T) {
	g, exact := layout.Convert(0x1p-9, layout.Multiplier, layout.Divisor)
	assert.True(t, exact)
	assert.Equal(t, float32(512), g)
	g, exact = layout.Convert(0, layout.Multiplier, layout.Divisor)
	assert.True(t, exact)
	assert.Equal(t, float32(math.Inf(1)), g)
	a, exact := layout.Convert(1, layout.Multiplier, layout.AMax)
	assert.True(t, exact)
	assert.InDelta(t, 2688, a, 1e-3)

	g, exact = layout.Convert(0.00175547, layout.Multiplier, layout.Divisor)
	assert.False(t, exact)
	few := []fp8.E4M3{0, 0x7F, 0xFF, 0x80}
	assert.Equal(t, -1, layout.FirstDifference(few, 0.00175547, layout.Multiplier, g, layout.Divisor), "zeros and NaNs alone")
}

func TestConvertDoesNotAllocate(t *testing.T) {
	scales := allScales()
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		g, _ := layout.Convert(0.3, layout.Multiplier, layout.Divisor)
		layout.FirstDifference(scales, 0.3, layout.Multiplier, g, layout.Divisor)
	}))
}

func FuzzConvert(f *testing.F) {
	f.Add(uint32(0x3F800000), uint8(0), uint8(1))
	f.Fuzz(func(t *testing.T, bits uint32, from, to uint8) {
		x := math.Float32frombits(bits)
		a, b := layout.Convention(from%3), layout.Convention(to%3)
		y, exact := layout.Convert(x, a, b)
		assert.Equal(t, exact, layout.FirstDifference(allScales(), x, a, y, b) < 0)
	})
}

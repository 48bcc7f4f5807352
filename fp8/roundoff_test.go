package fp8_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/roundoff"
)

// lossy returns values from ties to outliers.
func lossy(n int) []bf16.BF16 {
	rng := rand.New(rand.NewPCG(7, 7))
	x := make([]bf16.BF16, n)
	for i := range x {
		x[i] = bf16.FromFloat32(float32(rng.NormFloat64() * math.Ldexp(1, rng.IntN(40)-39)))
	}
	return x
}

func TestQuantizeStats(t *testing.T) {
	const rows, cols = 150, 1100
	x := lossy(rows * cols)
	amax := fp8.AMaxBF16(x) / 2 // some saturate, with one scale
	for _, r := range fp8.Recipes() {
		for tile := fp8.PerTensor; tile <= fp8.Tile128x128; tile++ {
			f := fp8.FormatE5M2
			if r.Check(tile, f) != nil {
				f = fp8.FormatE4M3
			}
			if r.Check(tile, f) != nil {
				continue
			}
			want, got := fp8.New(rows, cols, r, tile, f), fp8.New(rows, cols, r, tile, f)
			fp8.QuantizeBF16(want, x, amax)
			var s roundoff.Stats
			fp8.QuantizeStats(got, x, amax, &s)
			require.Equal(t, want, got)

			decoded := make([]float32, rows*cols)
			fp8.Dequantize(decoded, got)
			var largest, noise, power float64
			var flushed int64
			for i, v := range x {
				e := math.Abs(float64(v.Float32()) - float64(decoded[i]))
				largest, noise, power = max(largest, e), noise+e*e, power+math.Pow(float64(v.Float32()), 2)
				if decoded[i] == 0 && v.Float32() != 0 {
					flushed++
				}
			}
			sum := s.Summary()
			assert.Equal(t, int64(rows*cols), sum.Values)
			assert.Zero(t, sum.NonFinite)
			assert.Equal(t, flushed, sum.Flushed)
			assert.Equal(t, largest, sum.MaxError)
			assert.InEpsilon(t, noise/(rows*cols), sum.MSE, 1e-11)
			assert.InEpsilon(t, power/(rows*cols), sum.Power, 1e-11)
			if tile == fp8.PerTensor {
				assert.NotZero(t, sum.Saturated)
			} else if r == fp8.Default {
				assert.Zero(t, sum.Saturated)
			}

			var parts [2]roundoff.Stats
			first := fp8.New(128, cols, r, tile, f)
			fp8.QuantizeStats(first, x[:128*cols], amax, &parts[0])
			second := fp8.New(rows-128, cols, r, tile, f)
			fp8.QuantizeBF16(second, x[128*cols:], amax)
			fp8.Measure(&parts[1], second, x[128*cols:])
			parts[1].Merge(&parts[0])
			assert.Equal(t, s, parts[1])
		}
	}
}

func TestQuantizeStatsDoesNotAllocate(t *testing.T) {
	x := lossy(130 * 250)
	for tile := fp8.PerTensor; tile <= fp8.Tile128x128; tile++ {
		dst := fp8.New(130, 250, fp8.Default, tile, fp8.FormatE4M3)
		var s roundoff.Stats
		assert.Zero(t, testing.AllocsPerRun(5, func() { fp8.QuantizeStats(dst, x, 1, &s) }))
		fp8.QuantizeStats(fp8.New(0, 250, fp8.Default, tile, fp8.FormatE4M3), []float32{}, 1, &s)
		fp8.QuantizeStats(fp8.New(3, 0, fp8.Default, tile, fp8.FormatE4M3), []float32{}, 1, &s)
	}
}

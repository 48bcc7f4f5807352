package mx_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/mx"
	"github.com/trueup-rl/trueup/roundoff"
)

// lossy returns values from ties to outliers.
func lossy(n int) []bf16.BF16 {
	rng := rand.New(rand.NewPCG(7, 7))
	x := make([]bf16.BF16, n)
	for i := range x {
		x[i] = bf16.FromFloat32(float32(rng.NormFloat64() * math.Ldexp(1, rng.IntN(20)-19)))
	}
	return x
}

func TestQuantizeStats(t *testing.T) {
	for _, r := range mx.Recipes() {
		for f := mx.E4M3; f <= mx.E2M1; f++ {
			if !r.Supports(f) {
				continue
			}
			const rows, cols = 5, 1100
			x := lossy(rows * cols)
			want, got := mx.New(rows, cols, f, r), mx.New(rows, cols, f, r)
			mx.QuantizeBF16(want, x)
			var s roundoff.Stats
			mx.QuantizeStats(got, x, &s)
			require.Equal(t, want, got)

			decoded := make([]float32, rows*cols)
			mx.Dequantize(decoded, got)
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
			assert.InEpsilon(t, noise/(rows*cols), sum.MSE, 1e-12)
			assert.InEpsilon(t, power/(rows*cols), sum.Power, 1e-12)
			if r == mx.RCeil {
				assert.Zero(t, sum.Saturated, "it does not saturate")
			}
			if r == mx.Default && f == mx.E2M1 {
				assert.NotZero(t, sum.Saturated, "from 7 times the scale on")
				assert.NotZero(t, sum.NearTies)
			}

			var parts [rows]roundoff.Stats
			for i := range rows {
				mx.QuantizeStats(mx.New(1, cols, f, r), x[i*cols:][:cols], &parts[i])
				parts[0].Merge(&parts[max(i, 1)])
				if i == 0 {
					parts[0] = roundoff.Stats{}
					mx.QuantizeStats(mx.New(1, cols, f, r), x[:cols], &parts[0])
				}
			}
			assert.Equal(t, s, parts[0])
		}
	}
}

func TestQuantizeStatsDoesNotAllocate(t *testing.T) {
	x := lossy(3 * 250)
	dst := mx.New(3, 250, mx.E4M3, mx.RCeil)
	var s roundoff.Stats
	assert.Zero(t, testing.AllocsPerRun(5, func() { mx.QuantizeStats(dst, x, &s) }))
	mx.QuantizeStats(mx.New(0, 250, mx.E4M3, mx.RCeil), []float32{}, &s)
	mx.QuantizeStats(mx.New(3, 0, mx.E4M3, mx.RCeil), []float32{}, &s)
}

package nvfp4_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/internal/roundofftest"
	"github.com/trueup-rl/trueup/nvfp4"
	"github.com/trueup-rl/trueup/roundoff"
)

func TestQuantizeStats(t *testing.T) {
	for _, r := range nvfp4.Recipes() {
		t.Run(r.String(), func(t *testing.T) {
			const rows, cols = 40, 250
			x := roundofftest.Values(rows*cols, 20)
			amax := nvfp4.AMaxBF16(x) / 2 // some saturate
			want, got := nvfp4.New(rows, cols, r), nvfp4.New(rows, cols, r)
			nvfp4.QuantizeBF16(want, x, amax)
			var s roundoff.Stats
			nvfp4.QuantizeStats(got, x, amax, &s)
			require.Equal(t, want, got)

			decoded := make([]float32, rows*cols)
			nvfp4.Dequantize(decoded, got)
			sum := s.Summary()
			roundofftest.Check(t, x, decoded, sum)

			// The rows in two parts: the same bits.
			var parts, again [2]roundoff.Stats
			for i, first := range []int{0, 32} {
				n := []int{32, 8}[i]
				part := nvfp4.New(n, cols, r)
				nvfp4.QuantizeStats(part, x[first*cols:][:n*cols], amax, &parts[i])
				nvfp4.Measure(&again[i], part, x[first*cols:][:n*cols])
			}
			assert.Equal(t, parts, again)
			parts[1].Merge(&parts[0])
			assert.Equal(t, s, parts[1])
		})
	}
}

// TestQuantizeStatsByHand: a block whose scale is 1, and one that is too large for it.
func TestQuantizeStatsByHand(t *testing.T) {
	x := make([]float32, 32)
	copy(x, []float32{6, 0.25, 2.5, -0.1, 5})
	x[16] = 6 * 480
	var s roundoff.Stats
	nvfp4.QuantizeStats(nvfp4.New(1, 32, nvfp4.ModelOpt), x, 2688, &s)
	assert.Equal(t, roundoff.Summary{Values: 32, Flushed: 2, NearTies: 3, MaxError: 192,
		MSE: (0.0625 + 0.25 + float64(float32(0.1))*float64(float32(0.1)) + 1 + 192*192) / 32, Power: s.Summary().Power}, s.Summary())

	x[16] = 6 * 600
	s = roundoff.Stats{}
	nvfp4.QuantizeStats(nvfp4.New(1, 32, nvfp4.ModelOpt), x, 2688, &s)
	assert.Equal(t, int64(1), s.Summary().Saturated)

	s = roundoff.Stats{}
	empty := nvfp4.New(0, 32, nvfp4.ModelOpt)
	nvfp4.QuantizeStats(empty, []float32{}, 2688, &s)
	assert.Equal(t, float32(1), empty.TensorScale)
	assert.Equal(t, roundoff.Summary{}, s.Summary())
}

func TestQuantizeStatsDoesNotAllocate(t *testing.T) {
	x := roundofftest.Values(40*250, 20)
	for _, r := range []nvfp4.Recipe{nvfp4.ModelOpt, nvfp4.CompressedTensors} {
		dst := nvfp4.New(40, 250, r)
		var s roundoff.Stats
		assert.Zero(t, testing.AllocsPerRun(5, func() { nvfp4.QuantizeStats(dst, x, 1, &s) }))
	}
}

func ExampleQuantizeStats() {
	x := []float32{6, 3, 0.25, -0.1, 5, 1, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0}
	var stats roundoff.Stats
	nvfp4.QuantizeStats(nvfp4.New(1, 16, nvfp4.TransformerEngine), x, 2688, &stats)
	s := stats.Summary()
	fmt.Printf("largest error %v, flushed %d, near-ties %d, SQNR %.1f dB\n", s.MaxError, s.Flushed, s.NearTies, s.SQNR())
	// Output: largest error 1, flushed 2, near-ties 2, SQNR 19.3 dB
}

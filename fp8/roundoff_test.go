package fp8_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/roundofftest"
	"github.com/trueup-rl/trueup/roundoff"
)

func TestQuantizeStats(t *testing.T) {
	const rows, cols = 150, 1100
	x := roundofftest.Values(rows*cols, 40)
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
			sum := s.Summary()
			roundofftest.Check(t, x, decoded, sum)
			assert.Zero(t, sum.NonFinite)
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
	x := roundofftest.Values(130*250, 40)
	for tile := fp8.PerTensor; tile <= fp8.Tile128x128; tile++ {
		dst := fp8.New(130, 250, fp8.Default, tile, fp8.FormatE4M3)
		var s roundoff.Stats
		assert.Zero(t, testing.AllocsPerRun(5, func() { fp8.QuantizeStats(dst, x, 1, &s) }))
		fp8.QuantizeStats(fp8.New(0, 250, fp8.Default, tile, fp8.FormatE4M3), []float32{}, 1, &s)
		fp8.QuantizeStats(fp8.New(3, 0, fp8.Default, tile, fp8.FormatE4M3), []float32{}, 1, &s)
	}
}

package mx_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/internal/roundofftest"
	"github.com/trueup-rl/trueup/mx"
	"github.com/trueup-rl/trueup/roundoff"
)

func TestQuantizeStats(t *testing.T) {
	for _, r := range mx.Recipes() {
		for f := mx.E4M3; f <= mx.E2M1; f++ {
			if r.Check(f) != nil {
				continue
			}
			const rows, cols = 5, 1100
			x := roundofftest.Values(rows*cols, 20)
			want, got := mx.New(rows, cols, r, f), mx.New(rows, cols, r, f)
			mx.QuantizeBF16(want, x)
			var s roundoff.Stats
			mx.QuantizeStats(got, x, &s)
			require.Equal(t, want, got)

			decoded := make([]float32, rows*cols)
			mx.Dequantize(decoded, got)
			sum := s.Summary()
			roundofftest.Check(t, x, decoded, sum)
			assert.Zero(t, sum.NonFinite)
			if r == mx.RCeil {
				assert.Zero(t, sum.Saturated, "it does not saturate")
			}
			if r == mx.Default && f == mx.E2M1 {
				assert.NotZero(t, sum.Saturated, "from 7 times the scale on")
				assert.NotZero(t, sum.NearTies)
			}

			var parts [rows]roundoff.Stats
			for i := range rows {
				mx.QuantizeStats(mx.New(1, cols, r, f), x[i*cols:][:cols], &parts[i])
				parts[0].Merge(&parts[max(i, 1)])
				if i == 0 {
					parts[0] = roundoff.Stats{}
					mx.QuantizeStats(mx.New(1, cols, r, f), x[:cols], &parts[0])
				}
			}
			assert.Equal(t, s, parts[0])
		}
	}
}

func TestQuantizeStatsDoesNotAllocate(t *testing.T) {
	x := roundofftest.Values(3*250, 20)
	dst := mx.New(3, 250, mx.RCeil, mx.E4M3)
	var s roundoff.Stats
	assert.Zero(t, testing.AllocsPerRun(5, func() { mx.QuantizeStats(dst, x, &s) }))
	mx.QuantizeStats(mx.New(0, 250, mx.RCeil, mx.E4M3), []float32{}, &s)
	mx.QuantizeStats(mx.New(3, 0, mx.RCeil, mx.E4M3), []float32{}, &s)
}

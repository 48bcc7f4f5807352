package kernel_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// TestRowSum compares with the order written out: lanes of a chunk folded by
// halves, chunks from first to last.
func TestRowSum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 31, 32, 33, 4095, 4096, 4097, 9000} {
		x := make([]float64, n)
		var sum kernel.RowSum
		for i := range x {
			x[i] = rng.NormFloat64()
			if rng.IntN(4) == 0 {
				x[i] = 0 // left out, as a masked token is
				continue
			}
			sum.Add(i, x[i])
		}
		want := 0.0
		for from := 0; from < n; from += 4096 {
			var lane [32]float64
			for i, v := range x[from:min(from+4096, n)] {
				lane[i%32] += v
			}
			for half := 16; half > 0; half /= 2 {
				for i := range half {
					lane[i] += lane[i+half]
				}
			}
			want += lane[0]
		}
		assert.Equal(t, want, sum.Total(), "%d terms", n)
	}
}

// TestRowSums compares with sums in big.Float; the figures themselves are
// checked by package mismatch.
func TestRowSums(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	const n = 6000
	trainer, rollout, mask := make([]float32, n), make([]float32, n), make([]uint8, n)
	d, state := make([]float64, n), make([]uint8, n)
	exact := new(big.Float).SetPrec(200)
	count := 0
	for i := range n {
		trainer[i], rollout[i] = -rng.Float32(), -rng.Float32()
		mask[i] = uint8(rng.IntN(2))
		if i%100 == 7 {
			rollout[i] = float32(math.Inf(-1))
		} else if mask[i] != 0 {
			count++
			exact.Add(exact, new(big.Float).SetFloat64(float64(trainer[i])-float64(rollout[i])))
		}
	}
	nonFinite := kernel.LogRatios(d, state, trainer, rollout, mask)
	var all, light kernel.RowSums
	all.Add(d, state, trainer, rollout)
	light.AddD(d, state)
	want, _ := exact.Float64()
	assert.InDelta(t, want, all.D, 1e-12)
	assert.Equal(t, count, all.N)
	assert.Equal(t, nonFinite, all.NonFinite)
	assert.Positive(t, nonFinite)
	assert.Equal(t, all.D, light.D)
	assert.Equal(t, all.N, light.N)
}

func TestLogRatios(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	trainer := []float32{-1, nan, inf, inf, nan, math.MaxFloat32}
	rollout := []float32{-3, 0, inf, 0, nan, -math.MaxFloat32}
	mask := []uint8{1, 1, 1, 255, 0, 1}
	d, state := make([]float64, 6), make([]uint8, 6)
	assert.Equal(t, 3, kernel.LogRatios(d, state, trainer, rollout, mask))
	assert.Equal(t, []uint8{kernel.Valid, kernel.NonFinite, kernel.NonFinite, kernel.NonFinite, kernel.Masked, kernel.Valid}, state)
	assert.Equal(t, []float64{2, 0, 0, 0, 0, 2 * math.MaxFloat32}, d)
	assert.Equal(t, 4, kernel.LogRatios(d, state, trainer, rollout, nil), "no mask: all tokens")
}

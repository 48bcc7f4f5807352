package kernel_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
)

// TestHistogram finds every token's bin by comparing with the edges.
func TestHistogram(t *testing.T) {
	assert.Equal(t, math.Ldexp(1, -24), kernel.HistEdge(1))
	assert.Equal(t, 64.0, kernel.HistEdge(kernel.HistSide-1))
	for i := 1; i < kernel.HistSide; i++ {
		assert.Greater(t, kernel.HistEdge(i), kernel.HistEdge(i-1))
	}
	rng := rand.New(rand.NewPCG(1, 1))
	trainer, rollout, mask := row(rng, 512)
	copy(trainer, []float32{0, 1, 64, -64, 100, -1e30, 0x1p-24, 0x1p-25, -0x1p-24})
	clear(rollout[:9])
	want := make([]int64, 2*kernel.HistSide)
	for i, m := range mask {
		d := float64(trainer[i] - rollout[i])
		if m == 0 || math.IsNaN(d) || math.IsInf(d, 0) {
			continue
		}
		bin := kernel.HistSide - 1
		for math.Abs(d) < kernel.HistEdge(bin) {
			bin--
		}
		if math.Signbit(d) {
			bin += kernel.HistSide
		}
		want[bin]++
	}
	kerneltest.EachLevel(t, func(t *testing.T) {
		for _, n := range []int{512, 511, 8, 7} { // the rest in another block
			var b kernel.Block
			var h kernel.Histogram
			var sums kernel.RowSums
			b.Load(trainer[:n], rollout[:n], mask[:n])
			sums.AddSpread(&b, &h)
			b.Load(trainer[n:], rollout[n:], mask[n:])
			sums.AddSpread(&b, &h)
			got := make([]int64, len(want))
			for i := range got {
				got[i] = h.Bin(i)
			}
			assert.Equal(t, want, got)
		}
	})
}

// TestHistogramMerge doubles a histogram until its counts pass 32 bits.
func TestHistogramMerge(t *testing.T) {
	trainer, rollout := make([]float32, 512), make([]float32, 512)
	for i := range 512 {
		trainer[i] = float32(i % 3)
	}
	var b kernel.Block
	var h kernel.Histogram
	b.Load(trainer, rollout, nil)
	new(kernel.RowSums).AddSpread(&b, &h)
	zeros := h.Bin(0)
	assert.EqualValues(t, 171, zeros)
	for k := 1; k <= 30; k++ {
		other := h
		h.Merge(&other)
		total := int64(0)
		for i := range 2 * kernel.HistSide {
			total += h.Bin(i)
		}
		assert.Equal(t, int64(512)<<k, total)
		assert.Equal(t, zeros<<k, h.Bin(0))
	}
}

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
	var b kernel.Block
	b.Load(trainer, rollout, mask)
	var want kernel.Histogram
	for i, v := range b.Valid[:b.N] {
		if v == 0 {
			continue
		}
		bin := kernel.HistSide - 1
		for math.Abs(b.D[i]) < kernel.HistEdge(bin) {
			bin--
		}
		if math.Signbit(b.D[i]) {
			bin += kernel.HistSide
		}
		want[bin]++
	}
	kerneltest.EachLevel(t, func(t *testing.T) {
		for _, n := range []int{512, 511, 8, 7} {
			part := b
			part.N = n
			var got, rest kernel.Histogram
			got.Add(&part)
			// What follows the part, by another block.
			part.N = copy(part.D[:], b.D[n:])
			copy(part.Valid[:], b.Valid[n:])
			rest.Add(&part)
			for i, c := range rest {
				got[i] += c
			}
			assert.Equal(t, want[:2*kernel.HistSide], got[:2*kernel.HistSide])
		}
	})
}

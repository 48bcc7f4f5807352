package kernel_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
)

func TestQuotients(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		for n := range 70 {
			x := make([]float32, n)
			for i := range x {
				x[i] = math.Float32frombits(rng.Uint32())
			}
			for _, d := range []float32{6, 0, float32(math.Inf(1)), float32(math.NaN()), math.SmallestNonzeroFloat32, -1e30} {
				want := make([]float32, n)
				for i, v := range x {
					want[i] = float32(float64(v) / float64(d)) // rounds as one division does
				}
				got := slices.Repeat([]float32{7}, n+2)
				kernel.Quotients(got[1:n+1], x, d)
				require.True(t, equalFloats(want, got[1:n+1]), "%v by %v", x, d)
				assert.Equal(t, []float32{7, 7}, []float32{got[0], got[n+1]})
				inPlace := slices.Clone(x)
				kernel.Quotients(inPlace, inPlace, d)
				require.True(t, equalFloats(want, inPlace))
			}
		}
		x := make([]float32, 1<<17+3)
		x[0], x[len(x)-1], x[1<<16] = 6, 12, 18
		kernel.Quotients(x, x, 6)
		assert.Equal(t, []float32{1, 2, 3}, []float32{x[0], x[len(x)-1], x[1<<16]})
	})
}

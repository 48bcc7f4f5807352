package nvfp4_test

import (
	"math/rand/v2"
	"testing"

	"github.com/trueup-rl/trueup/nvfp4"
)

// BenchmarkQuantize gives the speed of every recipe; ./bench measures those with kernels against
// memory.
func BenchmarkQuantize(b *testing.B) {
	const rows, cols = 48, 1024
	x := normal(rand.New(rand.NewPCG(1, 1)), rows*cols)
	amax := nvfp4.AMax(x)
	for _, r := range recipes {
		b.Run("recipe="+r.String(), func(b *testing.B) {
			q := nvfp4.New(rows, cols, r)
			b.SetBytes(4 * rows * cols)
			for b.Loop() {
				nvfp4.Quantize(q, x, amax)
			}
		})
	}
}

func BenchmarkQuantizeTransposed(b *testing.B) {
	const rows, cols = 48, 1024
	x, q := normal(rand.New(rand.NewPCG(1, 1)), rows*cols), nvfp4.New(rows, cols, nvfp4.TransformerEngine)
	b.SetBytes(4 * rows * cols)
	for b.Loop() {
		nvfp4.QuantizeTransposed(q, x, 4)
	}
}

func BenchmarkQuantizeStochastic(b *testing.B) {
	const rows, cols = 48, 1024
	x, q := normal(rand.New(rand.NewPCG(1, 1)), rows*cols), nvfp4.New(rows, cols, nvfp4.TransformerEngine)
	b.SetBytes(4 * rows * cols)
	for b.Loop() {
		nvfp4.QuantizeStochastic(q, x, 4, 1, 0)
	}
}

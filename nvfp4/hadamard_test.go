package nvfp4_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
	"github.com/trueup-rl/trueup/nvfp4"
)

// TestHadamardInverse: the inverse undoes the transform, also in place and in BF16, but for rounding.
func TestHadamardInverse(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(21, 1))
		x := normal(rng, 16*200)
		b := make([]bf16.BF16, len(x))
		bf16.Encode(b, x)
		for _, signs := range []nvfp4.Signs{nvfp4.NoSigns, nvfp4.RandomSigns, 1} {
			y, z := make([]float32, len(x)), make([]float32, len(x))
			nvfp4.Hadamard(y, x, signs)
			nvfp4.HadamardInverse(z, y, signs)
			for i := range x {
				assert.InDelta(t, x[i], z[i], 2e-6)
			}
			nvfp4.HadamardInverse(y, y, signs)
			assert.Equal(t, z, y, "in place")

			c := make([]bf16.BF16, len(b))
			nvfp4.HadamardBF16(c, b, signs)
			bf16.Decode(y, b)
			nvfp4.Hadamard(y, y, signs)
			for i := range c {
				assert.Equal(t, bf16.FromFloat32(y[i]), c[i])
			}
			nvfp4.HadamardInverseBF16(c, c, signs)
			for i := range c {
				assert.InDelta(t, b[i].Float32(), c[i].Float32(), 0.04)
			}
		}

		// An outlier is spread over its block, with the signs of the first row and of its own.
		one := make([]float32, 16)
		one[3] = 8
		nvfp4.Hadamard(one, one, nvfp4.RandomSigns)
		assert.Equal(t, []float32{-2, 2, 2, -2, -2, 2, 2, -2, -2, 2, 2, -2, -2, 2, 2, -2}, one)
	})
}

// TestHadamardTransposed: as the transform after the transposition.
func TestHadamardTransposed(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(22, 1))
		for _, size := range [][2]int{{16, 1}, {32, 300}, {0, 5}, {48, 128}, {16, 0}} {
			rows, cols := size[0], size[1]
			x := normal(rng, rows*cols)
			b := make([]bf16.BF16, len(x))
			bf16.Encode(b, x)
			want, got := transpose(x, rows, cols), make([]float32, len(x))
			nvfp4.Hadamard(want, want, nvfp4.RandomSigns)
			nvfp4.HadamardTransposed(got, x, rows, cols, nvfp4.RandomSigns)
			assert.Equal(t, want, got)
			wantBF16, gotBF16 := transpose(b, rows, cols), make([]bf16.BF16, len(x))
			nvfp4.HadamardBF16(wantBF16, wantBF16, nvfp4.RandomSigns)
			nvfp4.HadamardTransposed(gotBF16, b, rows, cols, nvfp4.RandomSigns)
			assert.Equal(t, wantBF16, gotBF16)
		}
	})
}

package nvfp4_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
	"github.com/trueup-rl/trueup/nvfp4"
)

// TestDequantizeStreaming compares results large enough to be written around the
// caches with the same rows in parts that are not.
func TestDequantizeStreaming(t *testing.T) {
	if testing.Short() {
		t.Skip("tens of MiB")
	}
	const rows, cols, parts = 9 << 10, 1 << 10, 3 // 36 MiB of float32
	rng := rand.New(rand.NewPCG(5, 5))
	whole := nvfp4.New(2*rows, cols, nvfp4.ModelOpt)
	for i := range whole.Codes {
		whole.Codes[i] = byte(rng.Uint32())
	}
	for i := range whole.Scales {
		whole.Scales[i] = fp8.E4M3(0x20 + i%32)
	}
	whole.TensorScale = 0.01
	// part returns n rows.
	part := func(from, n int) *nvfp4.Tensor {
		p := *whole
		p.Rows = n
		p.Codes = whole.Codes[from*cols/2:][:n*cols/2]
		p.Scales = whole.Scales[from*cols/16:][:n*cols/16]
		return &p
	}
	got, want := make([]float32, rows*cols), make([]float32, rows*cols)
	got16, want16 := make([]bf16.BF16, 2*rows*cols), make([]bf16.BF16, 2*rows*cols)
	kerneltest.EachLevel(t, func(t *testing.T) {
		nvfp4.Dequantize(got, part(0, rows))
		nvfp4.DequantizeBF16(got16, whole)
		for from := 0; from < rows; from += rows / parts {
			nvfp4.Dequantize(want[from*cols:][:rows/parts*cols], part(from, rows/parts))
		}
		for from := 0; from < 2*rows; from += rows / parts {
			nvfp4.DequantizeBF16(want16[from*cols:][:rows/parts*cols], part(from, rows/parts))
		}
		assert.True(t, slices.Equal(want, got))
		assert.True(t, slices.Equal(want16, got16))
	})
}

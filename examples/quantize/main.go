// Quantize makes NVFP4 weights of a fused pair of matrices as ModelOpt does,
// and tells what they lost.
package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/nvfp4"
)

const rows, cols = 64, 256

func main() {
	gate, up := weights(1), weights(2)
	// Engines fuse gate and up and keep one tensor scale for both: quantize
	// each with the maximum over the two.
	amax := max(nvfp4.AMaxBF16(gate), nvfp4.AMaxBF16(up))
	for i, w := range [][]bf16.BF16{gate, up} {
		t := nvfp4.New(rows, cols, nvfp4.ModelOpt)
		nvfp4.QuantizeBF16(t, w, amax)
		decoded := make([]float32, len(w))
		nvfp4.Dequantize(decoded, t)
		fmt.Printf("%-4s %d values in %d bytes, tensor scale %.3g, relative error %.3f\n",
			[]string{"gate", "up"}[i], len(w), len(t.Codes)+len(t.Scales)+4, t.TensorScale, relativeError(w, decoded))
	}
}

// weights returns a matrix as a trainer would have it, in BF16.
func weights(seed uint64) []bf16.BF16 {
	rng := rand.New(rand.NewPCG(seed, 0))
	w := make([]bf16.BF16, rows*cols)
	for i := range w {
		w[i] = bf16.FromFloat32(float32(0.02 * rng.NormFloat64()))
	}
	return w
}

// relativeError returns |decoded − w| / |w| in the Frobenius norm.
func relativeError(w []bf16.BF16, decoded []float32) float64 {
	var num, den float64
	for i, x := range w {
		e := float64(decoded[i]) - float64(x.Float32())
		num += e * e
		den += float64(x.Float32()) * float64(x.Float32())
	}
	return math.Sqrt(num / den)
}

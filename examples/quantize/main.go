// Quantize makes NVFP4 weights of a fused pair of matrices as ModelOpt does,
// tells what they lost, and finds out from the bytes alone who made them.
package main

import (
	"fmt"
	"log"
	"math/rand/v2"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/identify"
	"github.com/trueup-rl/trueup/nvfp4"
	"github.com/trueup-rl/trueup/roundoff"
)

const rows, cols = 64, 256

func main() {
	gate, up := weights(1), weights(2)
	// Engines fuse gate and up and keep one tensor scale for both: quantize
	// each with the maximum over the two.
	amax := nvfp4.FusedAMax(gate, up)
	t := nvfp4.New(rows, cols, nvfp4.ModelOpt)
	for i, w := range [][]bf16.BF16{gate, up} {
		var lost roundoff.Stats
		nvfp4.QuantizeStats(t, w, amax, &lost)
		fmt.Printf("%-4s %d values in %d bytes, tensor scale %.3g, signal to noise %.1f dB\n",
			[]string{"gate", "up"}[i], len(w), len(t.Codes)+len(t.Scales)+4, t.TensorScale, lost.Summary().SQNR())
	}

	// A trainer that works on the weights of another recipe has other weights.
	trained, engine := make([]float32, rows*cols), make([]float32, rows*cols)
	bf16.Decode(trained, up)
	nvfp4.FakeQuantize(trained, trained, rows, cols, nvfp4.TransformerEngine, amax)
	nvfp4.Dequantize(engine, t)
	differ := 0
	for i, v := range engine {
		if v != trained[i] {
			differ++
		}
	}
	fmt.Printf("%d values differ from %v\n", differ, nvfp4.TransformerEngine)

	matches, err := identify.NVFP4(
		&identify.Source{Rows: rows, Cols: cols, BF16: up},
		&identify.NVFP4Bytes{Codes: t.Codes, Scales: t.Scales, TensorScale: []float32{t.TensorScale}})
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range matches {
		if m.Exact() {
			fmt.Println("made by", &m)
		}
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

package nvfp4_test

import (
	"bytes"
	"fmt"

	"github.com/trueup-rl/trueup/nvfp4"
)

func Example() {
	w := make([]float32, 2*16)
	w[0], w[1], w[2], w[17] = 1, -0.3, 0.02, 0.25
	t := nvfp4.New(2, 16, nvfp4.Default)
	nvfp4.Quantize(t, w, nvfp4.AMax(w))
	fmt.Printf("codes % x\n", t.Codes)
	fmt.Printf("scales % x × %.4g\n", t.Scales, t.TensorScale)
	nvfp4.Dequantize(w, t)
	fmt.Printf("%.4g %.4g %.4g %.4g\n", w[0], w[1], w[2], w[17])
	// Output:
	// codes c7 00 00 00 00 00 00 00 70 00 00 00 00 00 00 00
	// scales 7e 6e × 0.000372
	// 1 -0.3333 0 0.25
}

// One amax over matrices that an engine fuses gives them one tensor scale.
func ExampleQuantize_fused() {
	q, k := make([]float32, 16), make([]float32, 16)
	q[0], k[0] = 2, 5.25
	amax := nvfp4.FusedAMax(q, k)
	tq, tk := nvfp4.New(1, 16, nvfp4.Default), nvfp4.New(1, 16, nvfp4.Default)
	nvfp4.Quantize(tq, q, amax)
	nvfp4.Quantize(tk, k, amax)
	fmt.Println(tq.TensorScale == tk.TensorScale, tk.TensorScale)
	// Output: true 0.001953125
}

func ExampleFakeQuantize() {
	w := []float32{1, -0.3, 0.02, 0.25}
	nvfp4.FakeQuantize(w, w, 1, 4, nvfp4.TransformerEngine, nvfp4.AMax(w))
	fmt.Printf("%.4g\n", w)
	// Output: [1 -0.3333 0 0.25]
}

func ExampleParseRecipe() {
	r, err := nvfp4.ParseRecipe("modelopt")
	fmt.Println(r == nvfp4.ModelOpt, err)
	// Output: true <nil>
}

// Weights that train in TransformerEngine are quantized along both axes.
func ExampleQuantizeTransposed() {
	w := make([]float32, 16*2) // 16 rows of 2 columns
	for i := range w {
		w[i] = float32(i % 5)
	}
	columns := nvfp4.New(2, 16, nvfp4.TransformerEngine)
	nvfp4.QuantizeTransposed(columns, w, nvfp4.AMax(w))
	fmt.Printf("% x\n", columns.Codes)
	// Output:
	// 50 37 06 75 63 50 37 06 63 50 37 06 75 63 50 37
}

// Each part of a matrix says where it begins and gets the bytes of the whole.
func ExampleQuantizeStochastic() {
	grad := make([]float32, 32*16)
	for i := range grad {
		grad[i] = float32(i%7) - 3
	}
	const seed = 1
	whole, part := nvfp4.New(32, 16, nvfp4.TransformerEngine), nvfp4.New(16, 16, nvfp4.TransformerEngine)
	nvfp4.QuantizeStochastic(whole, grad, 3, seed, 0)
	nvfp4.QuantizeStochastic(part, grad[16*16:], 3, seed, 16)
	fmt.Println(bytes.Equal(whole.Codes[16*8:], part.Codes))
	// Output: true
}

// An outlier is spread over its block, and comes back.
func ExampleHadamard() {
	x := make([]float32, 16)
	x[3] = 8
	nvfp4.Hadamard(x, x, nvfp4.RandomSigns)
	fmt.Println(x)
	nvfp4.HadamardInverse(x, x, nvfp4.RandomSigns)
	fmt.Println(x[2], x[3])
	// Output:
	// [-2 2 2 -2 -2 2 2 -2 -2 2 2 -2 -2 2 2 -2]
	// 0 8
}

func ExampleCheckFused() {
	gate, up := nvfp4.New(1, 16, nvfp4.Default), nvfp4.New(1, 16, nvfp4.Default)
	nvfp4.Quantize(gate, make([]float32, 16), 2688)
	nvfp4.Quantize(up, make([]float32, 16), 1344)
	fmt.Println(nvfp4.CheckFused([]string{"mlp.gate_proj", "mlp.up_proj"}, []*nvfp4.Tensor{gate, up}))
	// Output:
	// nvfp4: parts of a fused group have unequal tensor scales: mlp.gate_proj has 1 (default), mlp.up_proj has 0.5 (default)
}

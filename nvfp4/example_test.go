package nvfp4_test

import (
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
	amax := max(nvfp4.AMax(q), nvfp4.AMax(k))
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

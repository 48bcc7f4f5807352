package fp8

import (
	"math"

	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// AMax returns the largest magnitude in x, +0 if x is empty. Magnitudes order as their bits do, with
// infinity above all numbers and NaN above infinity: so the result is NaN if x holds a NaN, else
// +Inf if x holds an infinity, and one look at it tells whether all of x is finite. The maximum over
// the parts of a tensor is max (the built-in, which keeps NaN) of their AMax.
func AMax(x []float32) float32 { return math.Float32frombits(kernel.AMax(x)) }

// AMaxBF16 is [AMax] of BF16 values.
func AMaxBF16(x []bf16.BF16) float32 {
	return bf16.FromBits(kernel.AMaxBF16(kernel.Words(x))).Float32()
}

// AMaxFP16 is [AMax] of FP16 values.
func AMaxFP16(x []float16.Float16) float32 {
	return float16.Frombits(kernel.AMaxBF16(kernel.Words(x))).Float32()
}

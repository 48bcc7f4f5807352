package fp8

import (
	"math"

	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
)

// AMax returns the largest magnitude in x, +0 if x is empty. Magnitudes order as their bits do, with
// infinity above all numbers and NaN above infinity: so the result is NaN if x holds a NaN, else
// +Inf if x holds an infinity, and one look at it tells whether all of x is finite. The maximum over
// the parts of a tensor is max (the built-in, which keeps NaN) of their AMax.
func AMax(x []float32) float32 {
	var m uint32
	for _, f := range x {
		m = max(m, math.Float32bits(f)&f32MagMask)
	}
	return math.Float32frombits(m)
}

// AMaxBF16 is [AMax] of BF16 values.
func AMaxBF16(x []bf16.BF16) float32 {
	var m uint16
	for _, b := range x {
		m = max(m, b.Bits()&0x7FFF)
	}
	return bf16.FromBits(m).Float32()
}

// AMaxFP16 is [AMax] of FP16 values.
func AMaxFP16(x []float16.Float16) float32 {
	var m uint16
	for _, h := range x {
		m = max(m, h.Bits()&0x7FFF)
	}
	return float16.Frombits(m).Float32()
}

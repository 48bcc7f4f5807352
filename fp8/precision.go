package fp8

import (
	"math"

	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp16"
)

// precision is the type of an input, in which some recipes compute.
type precision struct {
	round   func(float32) float32
	epsilon float32 // distance from 1 to the next larger value
	max     float32 // largest finite value
}

var (
	precisionFloat32 = precision{
		round:   func(f float32) float32 { return f },
		epsilon: 0x1p-23,
		max:     math.MaxFloat32,
	}
	precisionBF16 = precision{
		round:   func(f float32) float32 { return bf16.FromFloat32(f).Float32() },
		epsilon: bf16.Epsilon,
		max:     bf16.Max,
	}
	precisionFP16 = precision{
		round:   func(f float32) float32 { return float16.Fromfloat32(f).Float32() },
		epsilon: fp16.Epsilon,
		max:     fp16.Max,
	}
)

package nvfp4

import (
	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp8"
)

// AMax returns the largest magnitude in x, +0 if x is empty: NaN if x holds a NaN, else +Inf if x
// holds an infinity. Quantize takes it as an argument, so that parts of a fused group can share the
// maximum of theirs (the built-in max keeps NaN).
func AMax(x []float32) float32 { return fp8.AMax(x) }

// AMaxBF16 is [AMax] of BF16 values.
func AMaxBF16(x []bf16.BF16) float32 { return fp8.AMaxBF16(x) }

// AMaxFP16 is [AMax] of FP16 values.
func AMaxFP16(x []float16.Float16) float32 { return fp8.AMaxFP16(x) }

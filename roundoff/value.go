package roundoff

import (
	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp16"
)

// Value is a type that is quantized.
type Value interface {
	float32 | bf16.BF16 | float16.Float16
}

// Widen sets dst to the values of x, which are exact. It panics if the lengths differ.
func Widen[T Value](dst []float32, x []T) {
	switch x := any(x).(type) {
	case []float32:
		if copy(dst, x) != len(dst) || len(x) != len(dst) {
			panic("roundoff: lengths of dst and values differ")
		}
	case []bf16.BF16:
		bf16.Decode(dst, x)
	case []float16.Float16:
		fp16.Decode(dst, x)
	}
}

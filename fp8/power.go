package fp8

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// powerOfLog returns 2^toInteger(log2 s), the logarithm rounded to float32 and to the precision. It
// returns 0, infinities and NaN as they are.
//
// The recipes that call it follow implementations that take a floating-point logarithm. One that is
// nearer to the true value than float32 can tell gives their bits.
func powerOfLog(s float32, toInteger func(float64) float64, in *precision) float32 {
	if !(s > 0 && s <= math.MaxFloat32) {
		return s
	}
	log2 := in.round(float32(kernel.Log(float64(s)) * math.Log2E))
	return float32(math.Ldexp(1, int(toInteger(float64(log2)))))
}

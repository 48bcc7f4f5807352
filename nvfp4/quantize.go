package nvfp4

import (
	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp16"
	"github.com/trueup-rl/trueup/fp8"
)

// Quantize sets dst's codes, scales and TensorScale from the row-major matrix x, by dst.Recipe. amax
// is AMax(x), or the maximum over a fused group of matrices; values above it saturate where their
// block scale does. What NaN, infinities and zeros give stands at the recipe.
//
// Quantize panics if amax is negative, if the recipe is unknown, and unless x and dst's slices have
// the lengths that dst.Rows and dst.Cols ask for.
func Quantize(dst *Tensor, x []float32, amax float32) { quantize(dst, x, amax) }

// QuantizeBF16 is [Quantize] of the float32 values of x, which are exact.
func QuantizeBF16(dst *Tensor, x []bf16.BF16, amax float32) { quantize(dst, x, amax) }

// QuantizeFP16 is [Quantize] of the float32 values of x, which are exact.
func QuantizeFP16(dst *Tensor, x []float16.Float16, amax float32) { quantize(dst, x, amax) }

// float is one of the types that a matrix may come in.
type float interface {
	float32 | bf16.BF16 | float16.Float16
}

func quantize[T float](dst *Tensor, x []T, amax float32) {
	dst.check(len(x))
	e := newEncoder(dst.Recipe, amax)
	dst.TensorScale = e.tensorScale

	var block [BlockSize]float32
	i := 0 // of the block
	for len(x) > 0 {
		row := x[:dst.Cols]
		x = x[dst.Cols:]
		for len(row) > 0 {
			n := min(len(row), BlockSize)
			load(block[:n], row[:n])
			clear(block[n:])
			row = row[n:]

			s := e.blockScale(fp8.AMax(block[:]))
			e.encode((*[blockBytes]byte)(dst.Codes[i*blockBytes:]), &block, s)
			dst.Scales[i] = s
			i++
		}
	}
}

// load converts src to float32.
func load[T float](dst []float32, src []T) {
	switch src := any(src).(type) {
	case []float32:
		copy(dst, src)
	case []bf16.BF16:
		bf16.Decode(dst, src)
	case []float16.Float16:
		fp16.Decode(dst, src)
	}
}

package nvfp4

import (
	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp16"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// Quantize sets dst's codes, scales and TensorScale from the row-major matrix x, by dst.Recipe. amax
// is AMax(x), or the maximum over a fused group of matrices; values above it saturate where their
// block scale does. What NaN, infinities and zeros give stands at the recipe.
//
// Quantize panics if amax is negative, if the recipe is unknown, and unless x and dst's slices have
// the lengths that dst.Rows and dst.Cols ask for.
func Quantize(dst *Tensor, x []float32, amax float32) {
	dst.check(len(x))
	q := newQuantizer(dst, amax)
	var buf [chunkLen]float32
	for r := newReader(x, dst.Cols); r.more(); {
		q.quantize(r.next(&buf))
	}
}

// QuantizeBF16 is [Quantize] of the float32 values of x, which are exact.
func QuantizeBF16(dst *Tensor, x []bf16.BF16, amax float32) {
	dst.check(len(x))
	q := newQuantizer(dst, amax)
	var buf [chunkLen]uint16
	for r := newReader(kernel.Words(x), dst.Cols); r.more(); {
		q.quantizeBF16(r.next(&buf))
	}
}

// QuantizeFP16 is [Quantize] of the float32 values of x, which are exact.
func QuantizeFP16(dst *Tensor, x []float16.Float16, amax float32) {
	dst.check(len(x))
	q := newQuantizer(dst, amax)
	var buf [chunkLen]float16.Float16
	var wide [chunkLen]float32
	for r := newReader(x, dst.Cols); r.more(); {
		chunk := r.next(&buf)
		fp16.Decode(wide[:len(chunk)], chunk)
		q.quantize(wide[:len(chunk)])
	}
}

// quantizer fills codes and scales of a tensor from front to back, a chunk at a time.
type quantizer struct {
	*arithmetic
	global       float32
	codes        []byte  // not yet filled
	scales       []uint8 // not yet filled
	amax, factor [kernel.NVFP4Chunk]float32
}

// newQuantizer returns the quantizer of dst, whose TensorScale it sets.
func newQuantizer(dst *Tensor, amax float32) (q quantizer) {
	q.arithmetic = dst.Recipe.arithmetic()
	if amax < 0 {
		panic("nvfp4: negative amax")
	}
	dst.TensorScale, q.global = q.arithmetic.global(amax)
	q.codes, q.scales = dst.Codes, kernel.Bytes(dst.Scales)
	return q
}

// quantize takes the values of at most a chunk of whole blocks.
func (q *quantizer) quantize(x []float32) {
	n := len(x) / BlockSize
	kernel.BlockAMax(q.amax[:n], x)
	q.scale.apply(q.scales[:n], q.factor[:n], q.amax[:n], q.global)
	q.code.apply(q.codes[:n*blockBytes], x, q.factor[:n])
	q.codes, q.scales = q.codes[n*blockBytes:], q.scales[n:]
}

// quantizeBF16 is quantize of BF16 values.
func (q *quantizer) quantizeBF16(x []uint16) {
	n := len(x) / BlockSize
	kernel.BlockAMaxBF16(q.amax[:n], x)
	q.scale.apply(q.scales[:n], q.factor[:n], q.amax[:n], q.global)
	q.code.applyBF16(q.codes[:n*blockBytes], x, q.factor[:n])
	q.codes, q.scales = q.codes[n*blockBytes:], q.scales[n:]
}

package mx

import (
	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp16"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// Quantize sets dst's codes and scales from the row-major matrix x, by dst.Recipe. What NaN,
// infinities and zeros give stands at the recipe.
//
// Quantize panics if [Recipe.Check] has an error, and unless x and dst's slices have the lengths that
// dst.Rows, dst.Cols and dst.Format ask for.
func Quantize(dst *Tensor, x []float32) {
	q := newQuantizer(dst, len(x))
	var last [BlockSize]float32
	for c := newCutter(len(x), dst.Cols); c.more(); {
		start, end := c.next()
		q.quantize(padded(x[start:end], &last))
	}
}

// QuantizeBF16 is [Quantize] of the float32 values of x, which are exact. The arithmetic of
// CompressedTensors depends on the type; that of the others does not.
func QuantizeBF16(dst *Tensor, x []bf16.BF16) {
	q := newQuantizer(dst, len(x))
	words := kernel.Words(x)
	var last [BlockSize]uint16
	for c := newCutter(len(x), dst.Cols); c.more(); {
		start, end := c.next()
		q.quantizeBF16(padded(words[start:end], &last))
	}
}

// QuantizeFP16 is [Quantize] of the float32 values of x, which are exact.
func QuantizeFP16(dst *Tensor, x []float16.Float16) {
	q := newQuantizer(dst, len(x))
	var wide [chunkLen]float32
	var last [BlockSize]float32
	for c := newCutter(len(x), dst.Cols); c.more(); {
		start, end := c.next()
		fp16.Decode(wide[:end-start], x[start:end])
		q.quantize(padded(wide[:end-start], &last))
	}
}

// quantizer fills codes and scales of a tensor from front to back, a chunk at a time.
type quantizer struct {
	*scheme
	codes        []byte  // not yet filled
	scales       []uint8 // not yet filled
	amax, factor [2 * kernel.MXChunk]float32
}

func newQuantizer(dst *Tensor, values int) quantizer {
	s := dst.Recipe.scheme(dst.Format)
	dst.check(values)
	return quantizer{scheme: s, codes: dst.Codes, scales: kernel.Bytes(dst.Scales)}
}

// quantize takes the values of at most a chunk of whole blocks.
func (q *quantizer) quantize(x []float32) {
	n := len(x) / BlockSize
	kernel.BlockAMax(q.amax[:2*n], x)
	codes, factor, nan := q.next(n)
	q.encode(codes, x, factor, nan)
}

// quantizeBF16 is quantize of BF16 values.
func (q *quantizer) quantizeBF16(x []uint16) {
	n := len(x) / BlockSize
	kernel.BlockAMaxBF16(q.amax[:2*n], x)
	codes, factor, nan := q.next(n)
	if !q.encodeBF16(codes, x, factor, nan) {
		var wide [chunkLen]float32
		kernel.DecodeBF16(wide[:len(x)], x)
		q.encode(codes, wide[:len(x)], factor, nan)
	}
}

// next sets the scales of the next n blocks, from the maxima in q.amax. It returns where their codes
// belong, their factors, and whether one is NaN.
func (q *quantizer) next(n int) (codes []byte, factor []float32, nan bool) {
	factor = q.factor[:2*n]
	nan = kernel.MXScales(q.scales[:n], factor, q.amax[:2*n], &q.scale)
	codes = q.codes[:n*q.bytes]
	q.codes, q.scales = q.codes[n*q.bytes:], q.scales[n:]
	return codes, factor, nan
}

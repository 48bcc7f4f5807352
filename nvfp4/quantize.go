package nvfp4

import (
	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp16"
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/roundoff"
)

// Quantize sets dst's codes, scales, TensorScale and TensorScales from the row-major matrix x, by
// dst.Recipe. amax is AMax(x), or the maximum over a fused group of matrices; values above it
// saturate where their block scale does. A recipe that needs no amax, or one for each row, leaves it
// unused. What NaN, infinities and zeros give stands at the recipe.
//
// Rows do not depend on each other but by amax, and those of 16×16 tiles by the tile: parts of a
// matrix, cut at multiples of 16 rows, give the bytes of the whole.
//
// Quantize panics if amax is negative, if the recipe is unknown, and unless x and dst's slices have
// the lengths that dst.Rows, dst.Cols and the recipe ask for.
func Quantize(dst *Tensor, x []float32, amax float32) {
	quantize(dst, x, amax, random{})
}

// QuantizeBF16 is [Quantize] of BF16 values: by most recipes of their float32 values, which are
// exact. A recipe that computes in the type of the input says so.
func QuantizeBF16(dst *Tensor, x []bf16.BF16, amax float32) {
	quantize(dst, x, amax, random{})
}

// QuantizeFP16 is [QuantizeBF16] of FP16 values.
func QuantizeFP16(dst *Tensor, x []float16.Float16, amax float32) {
	quantize(dst, x, amax, random{})
}

func quantize[T roundoff.Value](dst *Tensor, x []T, amax float32, random random) {
	dst.check(len(x))
	q := newQuantizerOf(dst, amax, inputOf[T]())
	q.random = random
	switch {
	case q.tiled:
		quantizeBands(&q, dst, x, false)
	case q.perRow:
		for r := range dst.Rows {
			row := x[r*dst.Cols:][:dst.Cols]
			dst.TensorScales[r] = q.setAMax(amaxOf(row))
			quantizeBlocks(&q, row, dst.Cols)
		}
	default:
		quantizeBlocks(&q, x, dst.Cols)
	}
}

// quantizeBlocks takes rows of cols columns, a chunk of blocks at a time.
func quantizeBlocks[T roundoff.Value](q *quantizer, x []T, cols int) {
	var buf [chunkLen]T
	var wide [chunkLen]float32
	for r := newReader(x, cols); r.more(); {
		chunk := r.next(&buf)
		switch chunk := any(chunk).(type) {
		case []float32:
			q.quantize(chunk)
		case []bf16.BF16:
			if q.direct() {
				q.quantizeBF16(kernel.Words(chunk))
				continue
			}
			bf16.Decode(wide[:len(chunk)], chunk)
			q.quantize(wide[:len(chunk)])
		case []float16.Float16:
			fp16.Decode(wide[:len(chunk)], chunk)
			q.quantize(wide[:len(chunk)])
		}
	}
}

func inputOf[T roundoff.Value]() input {
	switch any(*new(T)).(type) {
	case bf16.BF16:
		return inBF16
	case float16.Float16:
		return inFP16
	}
	return inFloat32
}

func amaxOf[T roundoff.Value](x []T) float32 {
	switch x := any(x).(type) {
	case []bf16.BF16:
		return AMaxBF16(x)
	case []float16.Float16:
		return AMaxFP16(x)
	case []float32:
		return AMax(x)
	}
	panic("unreachable")
}

// quantizer fills codes and scales of a tensor from front to back, a chunk at a time.
type quantizer struct {
	*arithmetic
	in                  input
	tensorScale, global float32
	codes               []byte  // not yet filled
	scales              []uint8 // not yet filled
	amax, factor        [kernel.NVFP4Chunk]float32
	random              random
}

// newQuantizer returns the quantizer of dst for float32 values.
func newQuantizer(dst *Tensor, amax float32) quantizer { return newQuantizerOf(dst, amax, inFloat32) }

// newQuantizerOf returns the quantizer of dst, whose TensorScale it sets.
func newQuantizerOf(dst *Tensor, amax float32, in input) (q quantizer) {
	q.arithmetic, q.in = dst.Recipe.arithmetic(), in
	if amax < 0 {
		panic("nvfp4: negative amax")
	}
	dst.TensorScale = 1
	if !q.perRow {
		dst.TensorScale = q.setAMax(amax)
	}
	q.codes, q.scales = dst.Codes, kernel.Bytes(dst.Scales)
	return q
}

// setAMax returns the scale of a tensor, or of a row, with the given amax.
func (q *quantizer) setAMax(amax float32) (tensorScale float32) {
	q.tensorScale, q.global = q.arithmetic.global(amax, q.in)
	return q.tensorScale
}

// quantize takes the values of at most a chunk of whole blocks.
func (q *quantizer) quantize(x []float32) {
	n := len(x) / BlockSize
	kernel.BlockAMax(q.amax[:n], x)
	codes, scales := q.take(n)
	q.encode(codes, scales, x, n)
}

// take returns where the next n blocks go.
func (q *quantizer) take(n int) (codes []byte, scales []uint8) {
	codes, scales = q.codes[:n*blockBytes], q.scales[:n]
	q.codes, q.scales = q.codes[n*blockBytes:], q.scales[n:]
	return codes, scales
}

// encode sets the codes and scales of blocks with the maxima q.amax. They are a stretch of one row or
// more, or as many rows of a band as there are times blocks in them.
func (q *quantizer) encode(codes []byte, scales []uint8, x []float32, blocks int) {
	n := len(scales)
	switch q.choice.rule {
	case leastSquares:
		q.chooseLeastSquares(codes, scales, x)
	case halvesUp:
		q.chooseHalvesUp(codes, scales, x)
	default:
		q.scale.apply(scales, q.factor[:n], q.amax[:n], q.global, q.in)
		q.code.apply(codes, x, q.amax[:n], q.factor[:n])
		if q.choice.rule == fourOrSix {
			q.chooseFourOrSix(codes, scales, x, blocks)
		}
	}
	if q.random.on() {
		q.roundStochastically(codes, x, n, blocks)
	}
}

// direct reports whether kernels take BF16 values for all that the recipe does.
func (q *quantizer) direct() bool {
	return q.choice.rule == byMaximum && !q.code.copySign && !q.random.on()
}

// quantizeBF16 is quantize of BF16 values, for a recipe that is direct.
func (q *quantizer) quantizeBF16(x []uint16) {
	n := len(x) / BlockSize
	kernel.BlockAMaxBF16(q.amax[:n], x)
	codes, scales := q.take(n)
	q.scale.apply(scales, q.factor[:n], q.amax[:n], q.global, q.in)
	q.code.applyBF16(codes, x, q.amax[:n], q.factor[:n])
}

package fp8

import (
	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/roundoff"
)

// Quantize sets dst's codes and scales from the row-major matrix x, by dst.Recipe. amax counts if
// dst.Tile is PerTensor: it is AMax(x), or the maximum over a fused group of matrices, or over the
// parts of one that is quantized in parts; values above it saturate. Other tiles have their own
// maxima, and amax says nothing. Matrices of whole tiles may be quantized in parts.
//
// Quantize panics if amax is negative, if [Recipe.Check] has an error, and unless x and dst's slices
// have the lengths that dst.Rows, dst.Cols and dst.Tile ask for.
func Quantize(dst *Tensor, x []float32, amax float32) { quantize(dst, x, amax) }

// QuantizeBF16 is [Quantize] of BF16 values. Recipes that compute in the input's type do so in BF16;
// the others take the float32 values of x, which are exact.
func QuantizeBF16(dst *Tensor, x []bf16.BF16, amax float32) { quantize(dst, x, amax) }

// QuantizeFP16 is [Quantize] of FP16 values. Recipes that compute in the input's type do so in FP16;
// the others take the float32 values of x, which are exact. No implementation's FP16 output has been
// compared.
func QuantizeFP16(dst *Tensor, x []float16.Float16, amax float32) { quantize(dst, x, amax) }

func quantize[T roundoff.Value](dst *Tensor, x []T, amax float32) {
	g := dst.check(len(x))
	q := newQuantizer(dst.Recipe, dst.Tile, dst.Format, precisionOf(x), amax)
	scales := dst.Scales
	for i := range g.down {
		for j := 0; j < g.across; {
			b := g.band(i, j)
			factors := quantizeBand(&q, scales[:b.tiles], x, b)
			for range b.count {
				end := b.start + b.length
				encodeTiles(dst.Codes[b.start:end], x[b.start:end], q.code, q.format, factors)
				b.start += b.stride
			}
			scales = scales[b.tiles:]
			j += b.tiles
		}
	}
}

// quantizer is what the tiles of a matrix have in common.
type quantizer struct {
	*arithmetic
	format  Format
	max     float32
	in      *precision
	shared  bool // amax is given
	amax    [bandTiles]float32
	factors [bandTiles]float32
}

func newQuantizer(r Recipe, t Tile, f Format, in *precision, amax float32) quantizer {
	if amax < 0 {
		panic("fp8: negative amax")
	}
	q := quantizer{arithmetic: &recipes[r], format: f, max: f.Max(), in: in, shared: t == PerTensor}
	q.amax[0] = amax
	return q
}

// quantizeBand sets the scales of a band of x and returns the factors for its codes.
func quantizeBand[T roundoff.Value](q *quantizer, scales []float32, x []T, b band) (factors []float32) {
	if !q.shared {
		var row [bandTiles]float32
		clear(q.amax[:b.tiles])
		for range b.count {
			amaxTiles(row[:b.tiles], x[b.start:b.start+b.length])
			for i, a := range row[:b.tiles] {
				q.amax[i] = max(q.amax[i], a)
			}
			b.start += b.stride
		}
	}
	for i := range scales {
		scales[i], q.factors[i] = q.scale(q.amax[i], q.max, q.in)
	}
	return q.factors[:b.tiles]
}

func precisionOf[T roundoff.Value](x []T) *precision {
	switch any(x).(type) {
	case []bf16.BF16:
		return &precisionBF16
	case []float16.Float16:
		return &precisionFP16
	}
	return &precisionFloat32
}

// amaxTiles sets amax to the largest magnitudes of as many parts of x.
func amaxTiles[T roundoff.Value](amax []float32, x []T) {
	switch x := any(x).(type) {
	case []float32:
		kernel.AMaxTiles(amax, x)
	case []bf16.BF16:
		kernel.AMaxTilesBF16(amax, kernel.Words(x))
	case []float16.Float16:
		width := len(x) / len(amax)
		for i := range amax {
			amax[i] = AMaxFP16(x[i*width:][:width])
		}
	}
}

// encodeTiles sets dst to the codes of as many parts of x as there are factors.
func encodeTiles[T roundoff.Value](dst []uint8, x []T, op operation, f Format, factors []float32) {
	switch x := any(x).(type) {
	case []float32:
		encode(dst, x, op, f, factors)
	case []bf16.BF16:
		encodeBF16(dst, x, op, f, factors)
	case []float16.Float16:
		encodeHalf(dst, x, op, f, factors)
	}
}

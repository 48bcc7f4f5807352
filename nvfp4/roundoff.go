package nvfp4

import (
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/roundoff"
)

// QuantizeStats is [Quantize], of values of any type, that adds what is lost to stats in the same pass
// through x. dst gets the same bytes.
func QuantizeStats[T roundoff.Value](dst *Tensor, x []T, amax float32, stats *roundoff.Stats) {
	dst.check(len(x))
	if dst.Rows == 0 {
		quantize(dst, x, amax, random{})
		return
	}
	for row := 0; row < dst.Rows; row += tileRows {
		part := dst.rows(row, min(tileRows, dst.Rows-row))
		values := x[row*dst.Cols:][:part.Rows*dst.Cols]
		quantize(&part, values, amax, random{})
		dst.TensorScale = part.TensorScale
		Measure(stats, &part, values)
	}
}

// Measure adds to stats what t has lost of x, the matrix that it was quantized from, whoever did so.
// Its atoms are blocks. It panics if t's recipe is unknown, and unless x and t's slices have the lengths
// that t.Rows and t.Cols ask for.
func Measure[T roundoff.Value](stats *roundoff.Stats, t *Tensor, x []T) {
	t.check(len(x))
	a := t.Recipe.arithmetic()
	var values, decoded [chunkLen]float32
	var mult [kernel.NVFP4Chunk]float32
	for r := range t.Rows {
		row := t.rows(r, 1)
		scale := row.TensorScale
		if a.perRow {
			scale = row.TensorScales[0]
		}
		codes, scales := row.Codes, kernel.Bytes(row.Scales)
		for left := x[r*t.Cols:][:t.Cols]; len(left) > 0; {
			n := min(len(scales), kernel.NVFP4Chunk)
			a.decode.multipliers(mult[:n], scales[:n], scale)
			kernel.DecodeE2M1(decoded[:n*BlockSize], codes[:n*blockBytes], mult[:n], a.negativeZero)
			width := min(n*BlockSize, len(left))
			roundoff.Widen(values[:width], left[:width])
			for i := range n {
				start, end := i*BlockSize, min((i+1)*BlockSize, width)
				stats.Add(values[start:end], decoded[start:end], mult[i], roundoff.E2M1)
			}
			codes, scales, left = codes[n*blockBytes:], scales[n:], left[width:]
		}
	}
}

// rows returns n rows of t from the given one on, in t's memory.
func (t *Tensor) rows(first, n int) Tensor {
	part := *t
	part.Rows = n
	part.Codes = t.Codes[first*RowBytes(t.Cols):][:n*RowBytes(t.Cols)]
	part.Scales = t.Scales[first*RowScales(t.Cols):][:n*RowScales(t.Cols)]
	if t.Recipe.PerRow() {
		part.TensorScales = t.TensorScales[first:][:n]
	}
	return part
}

package mx

import (
	"unsafe"

	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/roundoff"
)

// elementOf maps formats to those of package roundoff.
var elementOf = [formatCount]roundoff.Element{
	E4M3: roundoff.E4M3, E5M2: roundoff.E5M2, E2M3: roundoff.E2M3, E3M2: roundoff.E3M2, E2M1: roundoff.E2M1,
}

// QuantizeStats is [Quantize], of values of any type, that adds what is lost to stats in the same pass
// through x. dst gets the same bytes.
func QuantizeStats[T roundoff.Value](dst *Tensor, x []T, stats *roundoff.Stats) {
	dst.check(len(x))
	for row := range dst.Rows {
		part := dst.row(row)
		values := x[row*dst.Cols:][:dst.Cols]
		switch any(*new(T)).(type) {
		case float32:
			Quantize(&part, as[float32](values))
		case bf16.BF16:
			QuantizeBF16(&part, as[bf16.BF16](values))
		case float16.Float16:
			QuantizeFP16(&part, as[float16.Float16](values))
		}
		Measure(stats, &part, values)
	}
}

// as returns x, whose type is []T: an interface would do, but allocate.
func as[T, S roundoff.Value](x []S) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// Measure adds to stats what t has lost of x, the matrix that it was quantized from, whoever did so.
// Its atoms are blocks. It panics if the format is unknown, and unless x and t's slices have the lengths
// that t.Rows and t.Cols ask for.
func Measure[T roundoff.Value](stats *roundoff.Stats, t *Tensor, x []T) {
	t.check(len(x))
	var values, decoded [chunkLen]float32
	for r := range t.Rows {
		row := t.row(r)
		d := newDecoder(&row, t.Cols)
		scales := row.Scales
		for left := x[r*t.Cols:][:t.Cols]; len(left) > 0; {
			width := min(len(left), chunkLen)
			n := blocksOf(width)
			d.decode(decoded[:n*BlockSize])
			roundoff.Widen(values[:width], left[:width])
			for i := range n {
				start, end := i*BlockSize, min((i+1)*BlockSize, width)
				stats.Add(values[start:end], decoded[start:end], scales[i].Float32(), elementOf[t.Format])
			}
			scales, left = scales[n:], left[width:]
		}
	}
}

// row returns a row of t, in t's memory.
func (t *Tensor) row(r int) Tensor {
	part := *t
	part.Rows = 1
	bytes, scales := t.Format.RowBytes(t.Cols), RowScales(t.Cols)
	part.Codes = t.Codes[r*bytes:][:bytes]
	part.Scales = t.Scales[r*scales:][:scales]
	return part
}

package nvfp4

import (
	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp8"
)

// Dequantize sets dst to the matrix that t stands for, row-major, without padding. Any codes, scales
// and TensorScale are valid: a NaN scale gives NaN. It panics if t's recipe is unknown, and unless
// dst and t's slices have the lengths that t.Rows and t.Cols ask for.
func Dequantize(dst []float32, t *Tensor) { dequantize(dst, t) }

// DequantizeBF16 is [Dequantize] with each value rounded to BF16 by [bf16.FromFloat32].
func DequantizeBF16(dst []bf16.BF16, t *Tensor) { dequantize(dst, t) }

func dequantize[T float32 | bf16.BF16](dst []T, t *Tensor) {
	t.check(len(dst))
	d := newDecoder(t.Recipe, t.TensorScale)
	var block [BlockSize]float32
	i := 0 // of the block
	for len(dst) > 0 {
		row := dst[:t.Cols]
		dst = dst[t.Cols:]
		for len(row) > 0 {
			d.decode(&block, (*[blockBytes]byte)(t.Codes[i*blockBytes:]), t.Scales[i])
			n := min(len(row), BlockSize)
			store(row[:n], block[:n])
			row = row[n:]
			i++
		}
	}
}

// store converts src from float32.
func store[T float32 | bf16.BF16](dst []T, src []float32) {
	switch dst := any(dst).(type) {
	case []float32:
		copy(dst, src)
	case []bf16.BF16:
		bf16.Encode(dst, src)
	}
}

// FakeQuantize sets dst to what Dequantize makes of Quantize(x), bit for bit, without the tensor
// between: x rounded to NVFP4. dst and x may be the same slice, but must not overlap otherwise. It
// panics if amax is negative, if r is unknown, and unless both lengths are rows × cols.
func FakeQuantize(dst, x []float32, rows, cols int, r Recipe, amax float32) {
	checkSize(len(dst), rows, cols)
	checkSize(len(x), rows, cols)
	e := newEncoder(r, amax)
	d := newDecoder(r, e.tensorScale)
	var block [BlockSize]float32
	var codes [blockBytes]byte
	for len(x) > 0 {
		in, out := x[:cols], dst[:cols]
		x, dst = x[cols:], dst[cols:]
		for len(in) > 0 {
			n := min(len(in), BlockSize)
			copy(block[:], in[:n])
			clear(block[n:])
			s := e.blockScale(fp8.AMax(block[:]))
			e.encode(&codes, &block, s)
			d.decode(&block, &codes, s)
			copy(out[:n], block[:n])
			in, out = in[n:], out[n:]
		}
	}
}

package nvfp4

import (
	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// Dequantize sets dst to the matrix that t stands for, row-major, without padding. Any codes, scales
// and TensorScale are valid: a NaN scale gives NaN. It panics if t's recipe is unknown, and unless
// dst and t's slices have the lengths that t.Rows and t.Cols ask for.
func Dequantize(dst []float32, t *Tensor) { dequantize(dst, t) }

// DequantizeBF16 is [Dequantize] with each value rounded to BF16 by [bf16.FromFloat32].
func DequantizeBF16(dst []bf16.BF16, t *Tensor) { dequantize(dst, t) }

func dequantize[T float32 | bf16.BF16](dst []T, t *Tensor) {
	t.check(len(dst))
	a := t.Recipe.arithmetic()
	codes, scales := t.Codes, kernel.Bytes(t.Scales)
	w := newWriter(dst, t.Cols)
	var buf [chunkLen]float32
	for len(scales) > 0 {
		n := min(len(scales), kernel.NVFP4Chunk)
		chunk := w.next(&buf, n*BlockSize)
		a.dequantize(chunk, codes[:n*blockBytes], scales[:n], t.TensorScale)
		w.write(chunk)
		codes, scales = codes[n*blockBytes:], scales[n:]
	}
}

// dequantize sets dst to the values of at most a chunk of whole blocks.
func (a *arithmetic) dequantize(dst []float32, codes []byte, scales []uint8, tensorScale float32) {
	var mult [kernel.NVFP4Chunk]float32
	kernel.BlockMultipliers(mult[:len(scales)], scales, tensorScale, a.unit)
	kernel.DecodeE2M1(dst, codes, mult[:len(scales)], a.negativeZero)
}

// FakeQuantize sets dst to what Dequantize makes of Quantize(x), bit for bit, without the tensor
// between: x rounded to NVFP4. dst and x may be the same slice, but must not overlap otherwise. It
// panics if amax is negative, if r is unknown, and unless both lengths are rows × cols.
func FakeQuantize(dst, x []float32, rows, cols int, r Recipe, amax float32) {
	checkSize(len(dst), rows, cols)
	checkSize(len(x), rows, cols)
	var codes [kernel.NVFP4Chunk * blockBytes]byte
	var scales [kernel.NVFP4Chunk]fp8.E4M3
	t := Tensor{Codes: codes[:], Scales: scales[:], Recipe: r} // a chunk at a time
	q := newQuantizer(&t, amax)
	in, out := newReader(x, cols), newWriter(dst, cols)
	var buf [chunkLen]float32
	for in.more() {
		chunk := in.next(&buf)
		n := len(chunk) / BlockSize
		q.codes, q.scales = codes[:], kernel.Bytes(scales[:])
		q.quantize(chunk)
		chunk = out.next(&buf, len(chunk))
		q.dequantize(chunk, codes[:n*blockBytes], kernel.Bytes(scales[:n]), t.TensorScale)
		out.write(chunk)
	}
}

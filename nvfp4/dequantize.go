package nvfp4

import (
	"unsafe"

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
	streaming := len(dst)*int(unsafe.Sizeof(*new(T))) >= streamingBytes
	if a := t.Recipe.arithmetic(); a.perRow {
		for r := range t.Rows {
			row := t.row(r)
			dequantizeBlocks(dst[r*t.Cols:][:t.Cols], &row, streaming)
		}
		return
	}
	dequantizeBlocks(dst, t, streaming)
}

func dequantizeBlocks[T float32 | bf16.BF16](dst []T, t *Tensor, streaming bool) {
	a := t.Recipe.arithmetic()
	codes, scales := t.Codes, kernel.Bytes(t.Scales)
	w := newWriter(dst, t.Cols)
	size := kernel.NVFP4DecodeChunk
	if t.Cols%BlockSize != 0 {
		size = kernel.NVFP4Chunk // what buf holds
	}
	var buf [chunkLen]T
	var mult [kernel.NVFP4DecodeChunk]float32
	for len(scales) > 0 {
		n := min(len(scales), size)
		a.decode.multipliers(mult[:n], scales[:n], t.TensorScale)
		chunk := w.next(&buf, n*BlockSize)
		decode(chunk, codes[:n*blockBytes], mult[:n], a.negativeZero, streaming)
		w.write(chunk)
		codes, scales = codes[n*blockBytes:], scales[n:]
	}
}

// streamingBytes is the size from which a result is written around the caches. It would not stay in
// the last of them, which many cores share, and memory that is written in a cache is read first.
const streamingBytes = 32 << 20

// decode sets dst to the values of codes, in whole blocks, times those of mult.
func decode[T float32 | bf16.BF16](dst []T, codes []byte, mult []float32, negativeZero, streaming bool) {
	switch dst := any(dst).(type) {
	case []float32:
		if streaming {
			kernel.DecodeE2M1Streaming(dst, codes, mult, negativeZero)
		} else {
			kernel.DecodeE2M1(dst, codes, mult, negativeZero)
		}
	case []bf16.BF16:
		if words := kernel.Words(dst); streaming {
			kernel.DecodeE2M1BF16Streaming(words, codes, mult, negativeZero)
		} else {
			kernel.DecodeE2M1BF16(words, codes, mult, negativeZero)
		}
	}
}

// dequantize sets dst to the values of at most a chunk of whole blocks.
func (a *arithmetic) dequantize(dst []float32, codes []byte, scales []uint8, tensorScale float32) {
	var mult [kernel.NVFP4Chunk]float32
	a.decode.multipliers(mult[:len(scales)], scales, tensorScale)
	kernel.DecodeE2M1(dst, codes, mult[:len(scales)], a.negativeZero)
}

// FakeQuantize sets dst to what Dequantize makes of Quantize(x), bit for bit, without the tensor
// between: x rounded to NVFP4. dst and x may be the same slice, but must not overlap otherwise. It
// panics if amax is negative, if r is unknown, and unless both lengths are rows × cols.
func FakeQuantize(dst, x []float32, rows, cols int, r Recipe, amax float32) {
	checkSize(len(dst), rows, cols)
	checkSize(len(x), rows, cols)
	switch a := r.arithmetic(); {
	case a.tiled:
		fakeQuantizeBands(dst, x, rows, cols, r, amax)
	case a.perRow:
		for i := 0; i < len(x); i += cols {
			row := x[i:][:cols]
			fakeQuantizeBlocks(dst[i:][:cols], row, cols, r, AMax(row))
		}
	default:
		fakeQuantizeBlocks(dst, x, cols, r, amax)
	}
}

// fakeQuantizeBlocks is FakeQuantize of blocks that have one amax and do not depend on each other.
func fakeQuantizeBlocks(dst, x []float32, cols int, r Recipe, amax float32) {
	var codes [kernel.NVFP4Chunk * blockBytes]byte
	var scales [kernel.NVFP4Chunk]fp8.E4M3
	t := Tensor{Codes: codes[:], Scales: scales[:], Recipe: r} // a chunk at a time
	q := newQuantizer(&t, amax)
	q.setAMax(amax)
	in, out := newReader(x, cols), newWriter(dst, cols)
	var buf [chunkLen]float32
	for in.more() {
		chunk := in.next(&buf)
		n := len(chunk) / BlockSize
		q.codes, q.scales = codes[:], kernel.Bytes(scales[:])
		q.quantize(chunk)
		chunk = out.next(&buf, len(chunk))
		q.dequantize(chunk, codes[:n*blockBytes], kernel.Bytes(scales[:n]), q.tensorScale)
		out.write(chunk)
	}
}

package mx

import (
	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp6"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// Dequantize sets dst to the matrix that t stands for, row-major, without padding: each value is that
// of its code times that of its block's scale, rounded once. Any codes and scales are valid: a NaN
// scale or code gives NaN. The recipe does not matter. Dequantize panics if the format is unknown, and
// unless dst and t's slices have the lengths that t.Rows and t.Cols ask for.
func Dequantize(dst []float32, t *Tensor) {
	d := newDecoder(t, len(dst))
	var last [BlockSize]float32
	for c := newCutter(len(dst), t.Cols); c.more(); {
		start, end := c.next()
		if out := dst[start:end]; len(out)%BlockSize == 0 {
			d.decode(out)
		} else {
			d.decode(last[:])
			copy(out, last[:])
		}
	}
}

// DequantizeBF16 is [Dequantize] with each value rounded to BF16 by [bf16.FromFloat32].
func DequantizeBF16(dst []bf16.BF16, t *Tensor) {
	d := newDecoder(t, len(dst))
	var wide [chunkLen]float32
	for c := newCutter(len(dst), t.Cols); c.more(); {
		start, end := c.next()
		d.decode(wide[:blocksOf(end-start)*BlockSize])
		bf16.Encode(dst[start:end], wide[:end-start])
	}
}

// FakeQuantize sets dst to what Dequantize makes of Quantize(x), bit for bit, without the tensor
// between: x rounded to the format. dst and x may be the same slice, but must not overlap otherwise.
// It panics if [Recipe.Check] has an error, and unless both lengths are rows × cols.
func FakeQuantize(dst, x []float32, rows, cols int, r Recipe, f Format) {
	s := r.scheme(f)
	checkSize(len(dst), rows, cols)
	checkSize(len(x), rows, cols)
	var codes [chunkLen]byte
	var scales [kernel.MXChunk]fp8.E8M0
	var last, out [BlockSize]float32
	for c := newCutter(len(x), cols); c.more(); {
		start, end := c.next()
		in := padded(x[start:end], &last)
		q := quantizer{scheme: s, codes: codes[:], scales: kernel.Bytes(scales[:])}
		q.quantize(in)
		d := decoder{format: f, bytes: s.bytes, codes: codes[:], scales: kernel.Bytes(scales[:])}
		if len(in) == end-start {
			d.decode(dst[start:end])
		} else {
			d.decode(out[:])
			copy(dst[start:end], out[:])
		}
	}
}

// decoder takes codes and scales of a tensor from front to back, a chunk at a time.
type decoder struct {
	format Format
	bytes  int     // of a block's codes
	codes  []byte  // not yet taken
	scales []uint8 // not yet taken
}

func newDecoder(t *Tensor, values int) decoder {
	t.check(values)
	return decoder{t.Format, t.Format.element().bytes, t.Codes, kernel.Bytes(t.Scales)}
}

// decode sets dst to the values of the next whole blocks, at most a chunk.
func (d *decoder) decode(dst []float32) {
	n := len(dst) / BlockSize
	codes := d.codes[:n*d.bytes]
	var buf [2 * kernel.MXChunk]float32
	mult := buf[:2*n]
	kernel.MXMultipliers(mult, d.scales[:n])
	d.codes, d.scales = d.codes[n*d.bytes:], d.scales[n:]
	switch d.format {
	case E4M3:
		kernel.DecodeMXE4M3(dst, codes, mult)
	case E5M2:
		kernel.DecodeMXE5M2(dst, codes, mult)
	case E2M3:
		for i, c := range codes {
			dst[i] = float32(fp6.E2M3(c).Float32() * mult[i/halfBlock])
		}
	case E3M2:
		for i, c := range codes {
			dst[i] = float32(fp6.E3M2(c).Float32() * mult[i/halfBlock])
		}
	case E2M1:
		kernel.DecodeE2M1(dst, codes, mult, true)
	}
}

package fp8

import (
	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// Dequantize sets dst to the matrix that t stands for, row-major: code*Scale, or code/Scale where the
// recipe says so, rounded once. Any codes and scales are valid; a NaN code or scale gives NaN, as do
// infinity times 0, and 0/0. It panics if [Recipe.Check] has an error, and unless dst and t's slices
// have the lengths that t.Rows, t.Cols and t.Tile ask for.
func Dequantize(dst []float32, t *Tensor) { dequantize(dst, t) }

// DequantizeBF16 is [Dequantize] with each value rounded to BF16 by [bf16.FromFloat32].
func DequantizeBF16(dst []bf16.BF16, t *Tensor) { dequantize(dst, t) }

func dequantize[T float32 | bf16.BF16](dst []T, t *Tensor) {
	g := t.check(len(dst))
	scales := t.Scales
	for i := range g.down {
		for j := 0; j < g.across; {
			b := g.band(i, j)
			for range b.count {
				end := b.start + b.length
				switch dst := any(dst[b.start:end]).(type) {
				case []float32:
					decode(dst, t.Codes[b.start:end], t.Recipe, t.Format, scales[:b.tiles])
				case []bf16.BF16:
					decodeBF16(dst, t.Codes[b.start:end], t.Recipe, t.Format, scales[:b.tiles])
				}
				b.start += b.stride
			}
			scales = scales[b.tiles:]
			j += b.tiles
		}
	}
}

// FakeQuantize sets dst to what Dequantize makes of Quantize(x), bit for bit, without the tensor
// between: x rounded to the format. dst and x may be the same slice, but must not overlap otherwise.
// It panics where [New] and Quantize do, and unless both lengths are rows × cols.
func FakeQuantize(dst, x []float32, rows, cols int, r Recipe, t Tile, f Format, amax float32) {
	if err := r.Check(t, f); err != nil {
		panic(err.Error())
	}
	g := newGrid(t, rows, cols)
	checkSize(len(dst), rows, cols)
	checkSize(len(x), rows, cols)
	q := newQuantizer(r, t, f, &precisionFloat32, amax)
	var scales [bandTiles]float32
	for i := range g.down {
		for j := 0; j < g.across; {
			b := g.band(i, j)
			factors := quantizeBand(&q, scales[:b.tiles], x, b)
			for range b.count {
				end := b.start + b.length
				fake(dst[b.start:end], x[b.start:end], r, f, scales[:b.tiles], factors)
				b.start += b.stride
			}
			j += b.tiles
		}
	}
}

// fake encodes and decodes x, which is no longer than a buffer of codes unless of one tile.
func fake(dst, x []float32, r Recipe, f Format, scales, factors []float32) {
	var codes [bandValues]uint8
	for len(x) > 0 {
		n := min(len(x), len(codes))
		encode(codes[:n], x[:n], recipes[r].code, f, factors)
		decode(dst[:n], codes[:n], r, f, scales)
		dst, x = dst[n:], x[n:]
	}
}

// decode sets dst to the values of as many parts of codes as there are scales.
func decode(dst []float32, codes []uint8, r Recipe, f Format, scales []float32) {
	mult := scales
	if recipes[r].divides {
		mult = one[:]
	}
	if f == FormatE4M3 {
		kernel.DecodeE4M3Tiles(dst, codes, mult)
	} else {
		kernel.DecodeE5M2Tiles(dst, codes, mult)
	}
	if !recipes[r].divides {
		return
	}
	width := len(dst) / len(scales)
	for i, v := range dst {
		dst[i] = v / scales[i/width]
	}
}

// decodeBF16 is decode to BF16, by way of a buffer of values; like fake.
func decodeBF16(dst []bf16.BF16, codes []uint8, r Recipe, f Format, scales []float32) {
	var buffer [bandValues]float32
	for len(dst) > 0 {
		n := min(len(dst), len(buffer))
		decode(buffer[:n], codes[:n], r, f, scales)
		bf16.Encode(dst[:n], buffer[:n])
		dst, codes = dst[n:], codes[n:]
	}
}

package nvfp4

import (
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/roundoff"
)

// tileRows is the number of rows of a tile.
const tileRows = 16

// bandBlocks is the number of blocks of a row that are worked on together with those of the 15 rows
// below.
const bandBlocks = kernel.NVFP4Chunk / tileRows

// band is a part of a matrix of float32: 16 rows, or as many as are left, of whole blocks.
type band struct {
	row, rows    int
	block        int // first block of each row
	blocks       int
	start, width int // columns of the matrix, padding left out
	buf          [chunkLen]float32
}

// values returns the band's values, row after row.
func (b *band) values() []float32 { return b.buf[:b.rows*b.blocks*BlockSize] }

// line returns the band's columns of the matrix in row i.
func (b *band) line(i int) []float32 { return b.buf[i*b.blocks*BlockSize:][:b.width] }

// next moves b on to the next band of a rows × cols matrix, from left to right and then down. Its
// padding is zero.
func (b *band) next(rows, cols int) bool {
	all := RowScales(cols)
	if b.block += b.blocks; b.block >= all {
		b.row, b.block = b.row+b.rows, 0
	}
	if b.row >= rows || all == 0 {
		return false
	}
	b.rows = min(tileRows, rows-b.row)
	b.blocks = min(bandBlocks, all-b.block)
	b.start = b.block * BlockSize
	b.width = min(b.blocks*BlockSize, cols-b.start)
	if b.width < b.blocks*BlockSize {
		clear(b.values())
	}
	return true
}

// readRows fills b with its part of x, row-major.
func readRows[T roundoff.Value](b *band, x []T, cols int) {
	for i := range b.rows {
		roundoff.Widen(b.line(i), x[(b.row+i)*cols+b.start:][:b.width])
	}
}

// readColumns fills b with its part of x, column-major.
func readColumns[T roundoff.Value](b *band, x []T, rows int) {
	stride := b.blocks * BlockSize
	var column [tileRows]float32
	for j := range b.width {
		from := x[(b.start+j)*rows+b.row:][:b.rows]
		values, ok := any(from).([]float32)
		if !ok {
			values = column[:b.rows]
			roundoff.Widen(values, from)
		}
		for i, v := range values {
			b.buf[i*stride+j] = v
		}
	}
}

// quantizeBands quantizes x, or its transpose, band by band, as tiles if the recipe has them.
func quantizeBands[T roundoff.Value](q *quantizer, dst *Tensor, x []T, transposed bool) {
	var b band
	var codes [kernel.NVFP4Chunk * blockBytes]byte
	var scales [kernel.NVFP4Chunk]uint8
	all := RowScales(dst.Cols)
	for b.next(dst.Rows, dst.Cols) {
		if transposed {
			readColumns(&b, x, dst.Rows)
		} else {
			readRows(&b, x, dst.Cols)
		}
		n := b.rows * b.blocks
		q.random.at, q.random.stride = b.row*all+b.block, all
		q.quantizeBand(codes[:n*blockBytes], scales[:n], &b)
		for i := range b.rows {
			to := (b.row+i)*all + b.block
			copy(kernel.Bytes(dst.Scales)[to:], scales[i*b.blocks:][:b.blocks])
			copy(dst.Codes[to*blockBytes:], codes[i*b.blocks*blockBytes:][:b.blocks*blockBytes])
		}
	}
}

// quantizeBand sets the codes and scales of a band.
func (q *quantizer) quantizeBand(codes []byte, scales []uint8, b *band) {
	kernel.BlockAMax(q.amax[:len(scales)], b.values())
	if q.tiled {
		q.shareAMax(b.rows, b.blocks)
	}
	q.encode(codes, scales, b.values(), b.blocks)
}

// shareAMax sets the maximum of each block to that of its column of blocks.
func (q *quantizer) shareAMax(rows, blocks int) {
	for j := range blocks {
		m := q.amax[j]
		for i := 1; i < rows; i++ {
			m = max(m, q.amax[i*blocks+j])
		}
		for i := range rows {
			q.amax[i*blocks+j] = m
		}
	}
}

// QuantizeTransposed is [Quantize] of the transpose of x: x is row-major with dst.Cols rows and
// dst.Rows columns, so that blocks lie in its columns. It is TransformerEngine's column-wise output
// of x. It panics as Quantize does, and if the recipe has an amax for each row, which no
// implementation has for columns.
func QuantizeTransposed[T roundoff.Value](dst *Tensor, x []T, amax float32) {
	dst.check(len(x))
	q := newQuantizerOf(dst, amax, inputOf[T]())
	if q.perRow {
		panic("nvfp4: recipe scales rows, not columns")
	}
	quantizeBands(&q, dst, x, true)
}

// fakeQuantizeBands is FakeQuantize of a recipe with tiles.
func fakeQuantizeBands(dst, x []float32, rows, cols int, r Recipe, amax float32) {
	t := Tensor{Recipe: r}
	q := newQuantizer(&t, amax)
	var b band
	var codes [kernel.NVFP4Chunk * blockBytes]byte
	var scales [kernel.NVFP4Chunk]uint8
	for b.next(rows, cols) {
		readRows(&b, x, cols)
		n := b.rows * b.blocks
		q.quantizeBand(codes[:n*blockBytes], scales[:n], &b)
		q.dequantize(b.values(), codes[:n*blockBytes], scales[:n], t.TensorScale)
		for i := range b.rows {
			copy(dst[(b.row+i)*cols+b.start:], b.line(i))
		}
	}
}

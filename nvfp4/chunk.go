package nvfp4

import (
	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// chunkLen is the number of values that go through all steps together, few enough to stay in the L1
// cache meanwhile.
const chunkLen = kernel.NVFP4Chunk * BlockSize

// reader cuts a matrix into chunks of whole blocks, as a Tensor holds them: with each row's last
// block filled up with zeros.
type reader[T any] struct {
	rest []T
	cols int
	row  int // values left of the current row
}

func newReader[T any](x []T, cols int) reader[T] { return reader[T]{x, cols, cols} }

func (r *reader[T]) more() bool { return len(r.rest) > 0 }

// next returns the next chunk: a part of the matrix where rows are made of whole blocks, else a copy
// in buf.
func (r *reader[T]) next(buf *[chunkLen]T) []T {
	if r.cols%BlockSize == 0 {
		n := min(len(r.rest), chunkLen)
		chunk := r.rest[:n]
		r.rest = r.rest[n:]
		return chunk
	}
	n := 0
	for n < chunkLen && len(r.rest) > 0 {
		k := copy(buf[n:], r.rest[:r.row])
		r.rest = r.rest[k:]
		r.row -= k
		n += k
		if r.row == 0 {
			r.row = r.cols
			end := n + padding(r.cols)
			clear(buf[n:end])
			n = end
		}
	}
	return buf[:n]
}

// padding returns the number of zeros that fill up a row's last block.
func padding(cols int) int { return -cols & (BlockSize - 1) }

// writer undoes the cuts of reader: it takes chunks of whole blocks and leaves out the padding.
type writer[T float32 | bf16.BF16] struct {
	rest []T
	cols int
	row  int // values left of the current row
}

func newWriter[T float32 | bf16.BF16](dst []T, cols int) writer[T] { return writer[T]{dst, cols, cols} }

// next returns where to put a chunk of n values, before write is called with it: in the matrix, or
// in buf where rows are not made of whole blocks.
func (w *writer[T]) next(buf *[chunkLen]T, n int) []T {
	if w.cols%BlockSize == 0 {
		return w.rest[:n]
	}
	return buf[:n]
}

// write sets the next part of the matrix to a chunk.
func (w *writer[T]) write(chunk []T) {
	if w.cols%BlockSize == 0 { // it is there
		w.rest = w.rest[len(chunk):]
		return
	}
	for len(chunk) > 0 {
		n := min(w.row, len(chunk))
		copy(w.rest, chunk[:n])
		w.rest, chunk = w.rest[n:], chunk[n:]
		if w.row -= n; w.row == 0 {
			w.row = w.cols
			chunk = chunk[padding(w.cols):]
		}
	}
}

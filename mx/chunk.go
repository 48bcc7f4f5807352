package mx

import "github.com/trueup-rl/trueup/internal/kernel"

// chunkLen is the number of values that go through all steps together, few enough to stay in the L1
// cache meanwhile.
const chunkLen = kernel.MXChunk * BlockSize

// cutter cuts a matrix into chunks, from front to back: whole blocks, or what is left of a row's last
// block.
type cutter struct{ at, end, cols int }

func newCutter(values, cols int) cutter {
	if cols%BlockSize == 0 {
		cols = values // rows follow each other
	}
	return cutter{end: values, cols: cols}
}

func (c *cutter) more() bool { return c.at < c.end }

// next returns the bounds of the next chunk.
func (c *cutter) next() (start, end int) {
	n := min(c.cols-c.at%c.cols, chunkLen) // of the row
	if n > BlockSize {
		n -= n % BlockSize
	}
	c.at += n
	return c.at - n, c.at
}

// blocksOf returns the number of blocks of a chunk of n values.
func blocksOf(n int) int { return (n + BlockSize - 1) / BlockSize }

// padded returns the chunk x, an incomplete block filled up with zeros in buf.
func padded[T any](x []T, buf *[BlockSize]T) []T {
	if len(x)%BlockSize == 0 {
		return x
	}
	clear(buf[copy(buf[:], x):])
	return buf[:]
}

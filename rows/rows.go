// Package rows describes how the rows (trajectories) of a batch lie in flat
// per-token arrays. A layout is checked once, when it is made; everything that
// takes one relies on it.
//
// Two layouts are in use in the field, and both are read in place:
//
//   - ragged: the rows' tokens one after the other, with row offsets (the
//     cu_seqlens of attention kernels);
//   - padded: a [rows, width] view with a row stride, of which each row uses a
//     prefix.
//
// A layout keeps the slices it was made from; do not change them while it is in
// use.
package rows

import (
	"errors"
	"fmt"
	"math"
)

// ErrLayout is wrapped by every error of this package.
var ErrLayout = errors.New("rows: bad layout")

// Layout says where each row's tokens lie. The zero value has no rows.
type Layout struct {
	rows      int
	size      int
	offsets   []int64
	offsets32 []int32

	width, stride int // padded only
	lengths       []int32
}

// Ragged returns the layout in which row i owns the elements
// offsets[i] … offsets[i+1]−1. Offsets start at 0 or above and never fall; rows
// may be empty.
func Ragged(offsets []int64) (Layout, error) {
	n, size, err := checkOffsets(offsets)
	return Layout{rows: n, size: size, offsets: offsets}, err
}

// Ragged32 is Ragged for 32-bit offsets.
func Ragged32(offsets []int32) (Layout, error) {
	n, size, err := checkOffsets(offsets)
	return Layout{rows: n, size: size, offsets32: offsets}, err
}

func checkOffsets[T int32 | int64](offsets []T) (rows, size int, err error) {
	if len(offsets) == 0 {
		return 0, 0, fmt.Errorf("%w: no offsets; a batch of n rows has n+1", ErrLayout)
	}
	last := offsets[0]
	if last < 0 {
		return 0, 0, fmt.Errorf("%w: offset 0 is %d, below 0", ErrLayout, last)
	}
	for i, o := range offsets {
		if o < last {
			return 0, 0, fmt.Errorf("%w: offset %d is %d, below its predecessor %d", ErrLayout, i, o, last)
		}
		last = o
	}
	if int64(last) > math.MaxInt {
		return 0, 0, fmt.Errorf("%w: last offset %d exceeds the address space", ErrLayout, last)
	}
	return len(offsets) - 1, int(last), nil
}

// Padded returns the layout of a row-major [rows, width] view whose rows start
// stride elements apart. Row i uses its first lengths[i] columns; with nil
// lengths all rows use the whole width.
func Padded(rows, width, stride int, lengths []int32) (Layout, error) {
	switch {
	case rows < 0 || width < 0:
		return Layout{}, fmt.Errorf("%w: shape [%d, %d] is negative", ErrLayout, rows, width)
	case stride < width:
		return Layout{}, fmt.Errorf("%w: stride %d is below the width %d", ErrLayout, stride, width)
	case lengths != nil && len(lengths) != rows:
		return Layout{}, fmt.Errorf("%w: %d lengths for %d rows", ErrLayout, len(lengths), rows)
	case rows > 0 && stride > 0 && rows-1 > (math.MaxInt-width)/stride:
		return Layout{}, fmt.Errorf("%w: shape [%d, %d] with stride %d exceeds the address space", ErrLayout, rows, width, stride)
	}
	for i, n := range lengths {
		if n < 0 || int(n) > width {
			return Layout{}, fmt.Errorf("%w: row %d has length %d, outside 0…%d", ErrLayout, i, n, width)
		}
	}
	size := 0
	if rows > 0 {
		size = (rows-1)*stride + width
	}
	return Layout{rows: rows, size: size, width: width, stride: stride, lengths: lengths}, nil
}

// Rows returns the number of rows.
func (l *Layout) Rows() int { return l.rows }

// Size returns the length that a per-token array needs at least.
func (l *Layout) Size() int { return l.size }

// Row returns the half-open range of row i's elements.
func (l *Layout) Row(i int) (start, end int) {
	switch {
	case l.offsets != nil:
		return int(l.offsets[i]), int(l.offsets[i+1])
	case l.offsets32 != nil:
		return int(l.offsets32[i]), int(l.offsets32[i+1])
	}
	start = i * l.stride
	if l.lengths != nil {
		return start, start + int(l.lengths[i])
	}
	return start, start + l.width
}

// Storage returns the half-open range of the elements that belong to row i,
// padding included: Row(i) in a ragged layout, the whole width in a padded one.
func (l *Layout) Storage(i int) (start, end int) {
	if l.offsets != nil || l.offsets32 != nil {
		return l.Row(i)
	}
	return i * l.stride, i*l.stride + l.width
}

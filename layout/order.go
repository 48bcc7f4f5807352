package layout

import (
	"fmt"
	"math/bits"

	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/internal/names"
)

// An Order is a way to hold the scales of a matrix's blocks, one byte each. With the scale of row m
// and block k of that row, and with KT the number of blocks of a row divided by 4, rounded up, its
// text name and the offset of the byte are
//
//	Linear      "linear"   m·(blocks of a row) + k
//	Tiles128x4  "128x4"    (m/128)·KT·512 + (k/4)·512 + (m%32)·16 + (m%128/32)·4 + k%4
//	Tiles8x4    "8x4"      (m/8)·KT·32 + (k/4)·32 + (m%8)·4 + k%4
//
// In the two last, rows and columns are filled up to whole tiles with zeros. Each matrix of a batch
// begins at a multiple of its own Size.
type Order uint8

const (
	// Linear is row-major, as checkpoints are.
	Linear Order = iota
	// Tiles128x4 is what block-scaled products of cuBLAS and CUTLASS read: TransformerEngine's swizzled
	// scales, torchao 0.18.0's to_blocked, FlashInfer's layout_128x4.
	Tiles128x4
	// Tiles8x4 is FlashInfer's layout_8x4, for matrices of few rows.
	Tiles8x4
)

var orderNames = names.Of[Order]{Linear: "linear", Tiles128x4: "128x4", Tiles8x4: "8x4"}

// ParseOrder returns the order that s names, as String prints it.
func ParseOrder(s string) (Order, error) { return orderNames.Parse(s) }

// String returns the name of o, which ParseOrder reads back, or "Order(n)" if o has none.
func (o Order) String() string { return orderNames.String(o) }

// MarshalText returns the name of o, or an error if o has none.
func (o Order) MarshalText() ([]byte, error) { return orderNames.Marshal(o) }

// UnmarshalText sets *o to the order that text names, as ParseOrder does.
func (o *Order) UnmarshalText(text []byte) error { return orderNames.Unmarshal(o, text) }

// Size returns the number of bytes that rows × cols scales take in the order o, filled up. It panics
// if rows or cols is negative, or if there is no such number.
func (o Order) Size(rows, cols int) int {
	if rows < 0 || cols < 0 {
		panic("layout: negative size")
	}
	r, c := uint(rows), uint(cols)
	switch o {
	case Linear:
	case Tiles128x4:
		r, c = up(r, 128), up(c, 4)
	case Tiles8x4:
		r, c = up(r, 8), up(c, 4)
	default:
		panic("layout: unknown order")
	}
	hi, size := bits.Mul(r, c)
	if hi != 0 || int(size) < 0 {
		panic("layout: size overflows")
	}
	return int(size)
}

// up returns the next multiple of n.
func up(x, n uint) uint { return (x + n - 1) / n * n }

// Swizzle writes the rows × cols scales of src, row-major, to dst in the order o. Scales are
// [fp8.E4M3], [fp8.E8M0] or plain bytes. It panics unless src has rows × cols elements and dst
// o.Size(rows, cols).
func Swizzle[T ~uint8](dst, src []T, rows, cols int, o Order) {
	if len(src) != Linear.Size(rows, cols) || len(dst) != o.Size(rows, cols) {
		panic("layout: lengths do not fit rows × columns")
	}
	to, from := kernel.Bytes(dst), kernel.Bytes(src)
	switch {
	case o == Linear:
		copy(to, from)
	case cols == 0: // nothing, in however many rows
	case o == Tiles128x4:
		kernel.Swizzle128x4(to, from, rows, cols)
	case o == Tiles8x4:
		kernel.Swizzle8x4(to, from, rows, cols)
	}
}

// Unswizzle undoes [Swizzle]: it writes the scales of src, in the order o, to dst, row-major. What
// fills up src is not looked at. It returns an error unless src has o.Size(rows, cols) elements, and
// panics unless dst has rows × cols.
func Unswizzle[T ~uint8](dst, src []T, rows, cols int, o Order) error {
	if len(dst) != Linear.Size(rows, cols) {
		panic("layout: length does not fit rows × columns")
	}
	if want := o.Size(rows, cols); len(src) != want {
		return fmt.Errorf("layout: %d bytes for %d × %d scales in the order %v, want %d", len(src), rows, cols, o, want)
	}
	to, from := kernel.Bytes(dst), kernel.Bytes(src)
	switch {
	case o == Linear:
		copy(to, from)
	case cols == 0:
	case o == Tiles128x4:
		kernel.Unswizzle128x4(to, from, rows, cols)
	case o == Tiles8x4:
		kernel.Unswizzle8x4(to, from, rows, cols)
	}
	return nil
}

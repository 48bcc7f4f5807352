// Package mx quantizes matrices to the OCP Microscaling formats MXFP8, MXFP6 and MXFP4 and back. Each
// row is cut into blocks of 32 columns; a block has 32 codes of a [Format] and one scale, a power of
// two:
//
//	x[r, c] ≈ value(code[r, c]) × e8m0(scale[r, c/32])
//
// The formats leave open how a block's scale follows from its largest magnitude, and implementations
// differ in that and in how they round. A [Recipe] names one of them. A result is a function of the
// input and the recipe alone, with the same bits on every platform: all codes and scales, and all
// float32 values but the sign and payload of a NaN. Blocks do not depend on each other, so that a
// matrix may be cut between rows and its parts quantized at the same time.
//
//	t := mx.New(rows, cols, mx.Default, mx.E4M3)
//	mx.Quantize(t, w)
//	mx.Dequantize(w, t)
//
// Only New and Recipes allocate.
package mx

import "github.com/trueup-rl/trueup/fp8"

// BlockSize is the number of columns that share a scale.
const BlockSize = 32

// Tensor is a quantized matrix, row-major. Its memory is the caller's, who may cut the slices out of
// a larger buffer; their lengths follow from Rows, Cols and Format.
//
// If Cols is not a multiple of 32, the last block of each row is filled up with zeros: codes and
// scales keep the padded width. All peers but ModelOpt refuse such matrices.
type Tensor struct {
	Rows, Cols int
	Recipe     Recipe
	Format     Format
	Codes      []byte     // Rows × Format.RowBytes(Cols)
	Scales     []fp8.E8M0 // Rows × RowScales(Cols), not swizzled
}

// RowScales returns the number of scales in a row of cols columns: cols/32, rounded up.
func RowScales(cols int) int { return cols/BlockSize + min(cols%BlockSize, 1) }

// New returns a Tensor with memory for rows × cols codes, all zero. It panics if rows or cols is
// negative, and if [Recipe.Check] has an error for the two.
func New(rows, cols int, r Recipe, f Format) *Tensor {
	if rows < 0 || cols < 0 {
		panic(badSize)
	}
	r.scheme(f)
	return &Tensor{
		Rows: rows, Cols: cols, Recipe: r, Format: f,
		Codes:  make([]byte, rows*f.RowBytes(cols)),
		Scales: make([]fp8.E8M0, rows*RowScales(cols)),
	}
}

const (
	badSize   = "mx: negative size"
	badLength = "mx: number of values is not rows × columns"
)

// check panics unless t's slices, and n values beside them, have the lengths of a Rows × Cols matrix.
func (t *Tensor) check(n int) {
	checkSize(n, t.Rows, t.Cols)
	if len(t.Codes) != t.Rows*t.Format.RowBytes(t.Cols) || len(t.Scales) != t.Rows*RowScales(t.Cols) {
		panic("mx: length of Codes or Scales does not fit Rows and Cols")
	}
}

// checkSize panics unless n == rows × cols. It divides, since the product may overflow.
func checkSize(n, rows, cols int) {
	if rows < 0 || cols < 0 {
		panic(badSize)
	}
	if cols == 0 && n != 0 || cols != 0 && (n/cols != rows || n%cols != 0) {
		panic(badLength)
	}
}

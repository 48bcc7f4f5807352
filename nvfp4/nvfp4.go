// Package nvfp4 quantizes matrices to NVFP4 and back. Each row is cut into blocks of 16 columns; a
// block has 16 E2M1 codes (package fp4) and one E4M3 scale (package fp8), and the matrix has one
// float32 scale:
//
//	x[r, c] ≈ e2m1(code[r, c]) × e4m3(scale[r, c/16]) × (matrix scale)
//
// The format leaves the arithmetic that picks codes and scales open, and implementations differ in
// bits. A [Recipe] names one of them. A result is a function of the input and the recipe alone, with
// the same bits on every platform: all codes and block scales, and all float32 values but the sign
// and payload of a NaN.
//
//	t := nvfp4.New(rows, cols, nvfp4.Default)
//	nvfp4.Quantize(t, w, nvfp4.AMax(w))
//	nvfp4.Dequantize(w, t)
//
// Matrices that an inference engine fuses (q, k and v; gate and up) must share a matrix scale:
// quantize each with the FusedAMax of all. [CheckFused] finds those that were not.
//
// Only New, Recipes and CheckFused allocate.
//
// # Recipes
//
//	                                      TensorScale    decoding
//	default, modelopt, torchao-two-level  a/2688         multiplies with it
//	compressed-tensors                    2688/a         divides by it
//	flashinfer-reference                  2688/a         divides by it
//	transformer-engine…, flashinfer-te…   a              multiplies with a/2688, or a/1536
//	fouroversix…                          a              multiplies with a/1536, a/1792 or a/2688
//	torchao-one-level, ggml, optimal-mse  1
//
// where a is the amax. A recipe may share a block scale among the rows of a 16×16 tile, or have a
// matrix scale for each row; the [Tensor] says where those are. [QuantizeTransposed] quantizes along
// columns, [QuantizeStochastic] rounds at random, and [Hadamard] spreads outliers over a block before
// any of them.
package nvfp4

import "github.com/trueup-rl/trueup/fp8"

// BlockSize is the number of columns that share a block scale.
const BlockSize = 16

// Tensor is a quantized matrix, row-major. Its memory is the caller's, who may cut the slices out of
// a larger buffer; their lengths follow from Rows and Cols.
//
// If Cols is not a multiple of 16, the last block of each row is filled up with zeros: codes and
// scales keep the padded width. With 16×16 tiles, Scales holds the scale of a tile once for each of its
// rows, as a kernel reads it; the last tiles may have fewer rows.
type Tensor struct {
	Rows, Cols  int
	Recipe      Recipe
	Codes       []byte     // Rows × RowBytes(Cols), two codes a byte, the even column in the low nibble
	Scales      []fp8.E4M3 // Rows × RowScales(Cols), not swizzled
	TensorScale float32    // in the convention of the recipe; 1 if it has none

	// TensorScales holds a scale for each row in the place of TensorScale, if the recipe has them,
	// else nothing.
	TensorScales []float32
}

// RowScales returns the number of block scales in a row of cols columns: cols/16, rounded up.
func RowScales(cols int) int { return cols/BlockSize + min(cols%BlockSize, 1) }

// RowBytes returns the number of bytes that the codes of a row of cols columns take: 8 a block.
func RowBytes(cols int) int { return RowScales(cols) * blockBytes }

// New returns a Tensor with memory for rows × cols codes, all zero. It panics if rows or cols is
// negative, and if r is unknown.
func New(rows, cols int, r Recipe) *Tensor {
	if rows < 0 || cols < 0 {
		panic("nvfp4: negative size")
	}
	t := &Tensor{
		Rows: rows, Cols: cols, Recipe: r,
		Codes:  make([]byte, rows*RowBytes(cols)),
		Scales: make([]fp8.E4M3, rows*RowScales(cols)),
	}
	if r.PerRow() {
		t.TensorScales = make([]float32, rows)
	}
	return t
}

// row returns row r of t, whose recipe has a scale for each row, as a tensor.
func (t *Tensor) row(r int) Tensor {
	n := RowScales(t.Cols)
	return Tensor{
		Rows: 1, Cols: t.Cols, Recipe: t.Recipe, TensorScale: t.TensorScales[r],
		Codes:  t.Codes[r*n*blockBytes:][:n*blockBytes],
		Scales: t.Scales[r*n:][:n],
	}
}

const blockBytes = BlockSize / 2

// check panics unless t's slices, and n values beside them, have the lengths of a Rows × Cols matrix.
func (t *Tensor) check(n int) {
	checkSize(n, t.Rows, t.Cols)
	if len(t.Codes) != t.Rows*RowBytes(t.Cols) || len(t.Scales) != t.Rows*RowScales(t.Cols) {
		panic("nvfp4: length of Codes or Scales does not fit Rows and Cols")
	}
	if t.Recipe.PerRow() && len(t.TensorScales) != t.Rows {
		panic("nvfp4: length of TensorScales is not Rows")
	}
}

// checkSize panics unless n == rows × cols. It divides, since the product may overflow.
func checkSize(n, rows, cols int) {
	if rows < 0 || cols < 0 {
		panic("nvfp4: negative size")
	}
	if cols == 0 && n != 0 || cols != 0 && (n/cols != rows || n%cols != 0) {
		panic("nvfp4: number of values is not rows × columns")
	}
}

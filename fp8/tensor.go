package fp8

import "math"

// Tensor is a quantized matrix, row-major: codes of one format, and a float32 scale for each tile.
// Its memory is the caller's, who may cut the slices out of a larger buffer; their lengths follow
// from Rows, Cols and Tile.
type Tensor struct {
	Rows, Cols int
	Recipe     Recipe
	Tile       Tile
	Format     Format
	Codes      []uint8   // Rows × Cols, bits of E4M3 or E5M2
	Scales     []float32 // down × across, as [Tile.Scales] returns them; in the convention of the recipe
}

// New returns a Tensor with memory for rows × cols codes, all zero. It panics if rows or cols is
// negative, and if [Recipe.Check] has an error for the three.
func New(rows, cols int, r Recipe, t Tile, f Format) *Tensor {
	if err := r.Check(t, f); err != nil {
		panic(err.Error())
	}
	down, across := t.Scales(rows, cols)
	if cols > 0 && rows > math.MaxInt/cols {
		panic("fp8: size overflows")
	}
	return &Tensor{
		Rows: rows, Cols: cols, Recipe: r, Tile: t, Format: f,
		Codes:  make([]uint8, rows*cols),
		Scales: make([]float32, down*across),
	}
}

// check panics unless t's slices, and n values beside them, have the lengths of a Rows × Cols matrix
// and its tiles, and the recipe has such scales. It returns how the matrix is cut.
func (t *Tensor) check(n int) grid {
	if err := t.Recipe.Check(t.Tile, t.Format); err != nil {
		panic(err.Error())
	}
	g := newGrid(t.Tile, t.Rows, t.Cols)
	checkSize(n, t.Rows, t.Cols)
	checkSize(len(t.Codes), t.Rows, t.Cols)
	if len(t.Scales) != g.down*g.across {
		panic("fp8: length of Scales does not fit Rows, Cols and Tile")
	}
	return g
}

// checkSize panics unless n == rows × cols. It divides, since the product may overflow.
func checkSize(n, rows, cols int) {
	if cols == 0 && n != 0 || cols != 0 && (n/cols != rows || n%cols != 0) {
		panic("fp8: number of values or codes is not rows × columns")
	}
}

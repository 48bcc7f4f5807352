package fp8

// Tile is the part of a matrix that shares a scale. Those at the right and lower edges of the matrix
// are cut off by them: what is missing counts as zeros, which change no maximum.
type Tile uint8

const (
	PerTensor   Tile = iota // the whole matrix
	PerRow                  // a row: a token, or an output channel of a weight
	Tile1x32                // 32 columns of a row
	Tile1x128               // 128 columns of a row
	Tile128x128             // 128 columns of 128 rows
)

// tileSizes holds heights and widths, 0 for all of the matrix.
var tileSizes = [...]struct{ height, width int }{
	PerTensor:   {0, 0},
	PerRow:      {1, 0},
	Tile1x32:    {1, 32},
	Tile1x128:   {1, 128},
	Tile128x128: {128, 128},
}

// Size returns the height and width of a tile that no edge of the matrix cuts. It panics if t is
// unknown or a size negative.
func (t Tile) Size(rows, cols int) (height, width int) {
	g := newGrid(t, rows, cols)
	return g.height, g.width
}

// Scales returns how many scales a matrix has, down and across. A matrix without elements has one
// for PerTensor, one a row for PerRow and none else. It panics if t is unknown or a size negative.
func (t Tile) Scales(rows, cols int) (down, across int) {
	g := newGrid(t, rows, cols)
	return g.down, g.across
}

// grid cuts a matrix into tiles.
type grid struct {
	rows, cols    int
	height, width int // of a tile that no edge cuts
	down, across  int // tiles
}

func newGrid(t Tile, rows, cols int) grid {
	if int(t) >= len(tileSizes) {
		panic("fp8: unknown tile")
	}
	if rows < 0 || cols < 0 {
		panic("fp8: negative size")
	}
	g := grid{rows: rows, cols: cols, height: rows, width: cols, down: 1, across: 1}
	if h := tileSizes[t].height; h != 0 {
		g.height, g.down = h, ceilDiv(rows, h)
	}
	if w := tileSizes[t].width; w != 0 {
		g.width, g.across = w, ceilDiv(cols, w)
	}
	return g
}

// ceilDiv returns a/b, rounded up.
func ceilDiv(a, b int) int { return a/b + min(a%b, 1) }

// bandTiles and bandValues bound the tiles, and the values in a row of them, that go through all
// steps together: few enough to stay in the L1 cache meanwhile, or in the L2 cache with the rows of a
// tile.
const (
	bandValues = 1024
	bandTiles  = bandValues / 32
)

// band is some tiles of one width, side by side. Their elements are count stretches of length, stride
// apart, in each of which all tiles have an equal share.
type band struct {
	tiles                        int
	start, length, count, stride int
}

// band returns the tiles in row i of the grid that go together from column j on, at least one. One
// that is as wide as the matrix is a single stretch.
func (g *grid) band(i, j int) band {
	row, col := i*g.height, j*g.width
	height := min(g.height, g.rows-row)
	if g.across == 1 {
		return band{tiles: 1, start: row * g.cols, length: height * g.cols, count: 1}
	}
	tiles := min((g.cols-col)/g.width, bandValues/g.width)
	b := band{tiles: tiles, start: row*g.cols + col, length: tiles * g.width, count: height, stride: g.cols}
	if tiles == 0 { // cut off by the edge
		b.tiles, b.length = 1, g.cols-col
	}
	return b
}

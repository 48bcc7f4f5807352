package kernel

//go:generate env GOWORK=off go -C _asm run ./swizzle -out ../zswizzle_amd64.s -stubs ../zswizzle_amd64.go -pkg kernel
//go:generate env GOWORK=off go -C _asm run ./arm64/swizzle -out ../zswizzle_arm64.s -stubs ../zswizzle_arm64.go -pkg kernel

// A matrix of bytes is swizzled into tiles of 4 columns by 128 or 8 rows, which
// follow one another row by row. A tile holds words, the 4 bytes that one row has
// in it; rows and columns are filled up to whole tiles with zeros.

// tileRows is the number of rows of a 128×4 tile, tileBytes its size.
const (
	tileRows  = 128
	tileBytes = 4 * tileRows
)

// Swizzle128x4 writes the rows × cols bytes of src in tiles of 128×4, where the
// words of the rows r, r+32, r+64 and r+96 are neighbours. src is row-major; dst
// is as long as the tiles are.
func Swizzle128x4(dst, src []uint8, rows, cols int) {
	size := (cols + 3) / 4 * tileBytes
	for ; rows > 0; rows -= tileRows {
		n := min(rows, tileRows)
		band := dst[:size]
		from := swizzleRows(band, src, n, cols)
		swizzleGeneric(band, src[:n*cols], cols, from, tileRows, tileRows/4)
		dst, src = dst[size:], src[n*cols:]
	}
}

// Unswizzle128x4 undoes Swizzle128x4. It does not look at what fills up the tiles.
func Unswizzle128x4(dst, src []uint8, rows, cols int) {
	size := (cols + 3) / 4 * tileBytes
	for ; rows > 0; rows -= tileRows {
		n := min(rows, tileRows)
		band := src[:size]
		from := unswizzleRows(dst, band, n, cols)
		unswizzleGeneric(dst[:n*cols], band, cols, from, tileRows, tileRows/4)
		dst, src = dst[n*cols:], src[size:]
	}
}

// Fewer rows than a tile has go through a buffer of as many, a line of the cache
// wide.
const (
	lineBytes = 64
	lineTiles = lineBytes / 4
)

// swizzleRows writes the first tiles of a band, and returns how many.
func swizzleRows(dst, src []uint8, rows, cols int) (tiles int) {
	if rows == tileRows || level == Generic {
		return swizzleFast(dst, src, cols)
	}
	var buf [tileRows * lineBytes]uint8
	for ; 4*tiles+lineBytes <= cols; tiles += lineTiles {
		for r := range rows {
			copy(buf[r*lineBytes:][:lineBytes], src[r*cols+4*tiles:])
		}
		swizzleFast(dst[tiles*tileBytes:], buf[:], lineBytes)
	}
	return tiles
}

// unswizzleRows undoes swizzleRows.
func unswizzleRows(dst, src []uint8, rows, cols int) (tiles int) {
	if rows == tileRows || level == Generic {
		return unswizzleFast(dst, src, cols)
	}
	var buf [tileRows * lineBytes]uint8
	for ; 4*tiles+lineBytes <= cols; tiles += lineTiles {
		unswizzleFast(buf[:], src[tiles*tileBytes:], lineBytes)
		for r := range rows {
			copy(dst[r*cols+4*tiles:][:lineBytes], buf[r*lineBytes:])
		}
	}
	return tiles
}

// Swizzle8x4 writes the rows × cols bytes of src in tiles of 8×4, where the words
// of neighbouring rows are neighbours.
func Swizzle8x4(dst, src []uint8, rows, cols int) {
	size := (cols + 3) / 4 * 32
	for ; rows > 0; rows -= 8 {
		n := min(rows, 8)
		swizzleGeneric(dst[:size], src[:n*cols], cols, 0, 8, 8)
		dst, src = dst[size:], src[n*cols:]
	}
}

// Unswizzle8x4 undoes Swizzle8x4. It does not look at what fills up the tiles.
func Unswizzle8x4(dst, src []uint8, rows, cols int) {
	size := (cols + 3) / 4 * 32
	for ; rows > 0; rows -= 8 {
		n := min(rows, 8)
		unswizzleGeneric(dst[:n*cols], src[:size], cols, 0, 8, 8)
		dst, src = dst[n*cols:], src[size:]
	}
}

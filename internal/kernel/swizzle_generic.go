package kernel

// swizzleGeneric writes a band of tiles, from the given column tile on. In a tile
// of that many rows, the words of rows that are inner apart are neighbours: the
// word of row r has the index r%inner·(rows/inner) + r/inner. src has at most as
// many rows as a tile; the others are written as zeros.
func swizzleGeneric(dst, src []uint8, cols, from, rows, inner int) {
	for r := range rows {
		at := from*rows*4 + wordOffset(r, rows, inner)
		if (r+1)*cols > len(src) {
			for ; at < len(dst); at += rows * 4 {
				clear(dst[at : at+4])
			}
			continue
		}
		row := src[r*cols+min(4*from, cols) : (r+1)*cols]
		for ; len(row) >= 4; row = row[4:] {
			*(*[4]uint8)(dst[at:]) = [4]uint8(row)
			at += rows * 4
		}
		if len(row) > 0 {
			var word [4]uint8
			copy(word[:], row)
			*(*[4]uint8)(dst[at:]) = word
		}
	}
}

// unswizzleGeneric undoes swizzleGeneric.
func unswizzleGeneric(dst, src []uint8, cols, from, rows, inner int) {
	for r := 0; r < rows && (r+1)*cols <= len(dst); r++ {
		at := from*rows*4 + wordOffset(r, rows, inner)
		row := dst[r*cols+min(4*from, cols) : (r+1)*cols]
		for ; len(row) >= 4; row = row[4:] {
			*(*[4]uint8)(row) = [4]uint8(src[at:])
			at += rows * 4
		}
		if len(row) > 0 {
			copy(row, src[at:at+4])
		}
	}
}

// wordOffset returns where in a tile the word of a row lies.
func wordOffset(r, rows, inner int) int { return 4 * (r%inner*(rows/inner) + r/inner) }

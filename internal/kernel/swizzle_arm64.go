//go:build !purego

package kernel

// swizzleFast writes the first tiles of a band of 128 rows, and returns how many.
func swizzleFast(dst, src []uint8, cols int) (tiles int) {
	for level == NEON && cols/4-tiles >= stripTiles {
		x := src[4*tiles:]
		swizzleNEON(&dst[tiles*tileBytes], &x[0], &x[32*cols], &x[64*cols], &x[96*cols], cols)
		tiles += stripTiles
	}
	return tiles
}

// unswizzleFast undoes swizzleFast.
func unswizzleFast(dst, src []uint8, cols int) (tiles int) {
	for level == NEON && cols/4-tiles >= stripTiles {
		x := dst[4*tiles:]
		unswizzleNEON(&x[0], &x[32*cols], &x[64*cols], &x[96*cols], &src[tiles*tileBytes], cols)
		tiles += stripTiles
	}
	return tiles
}

// stripTiles is the number of neighbouring tiles that kernels work on at once: 16
// bytes of each row.
const stripTiles = 4

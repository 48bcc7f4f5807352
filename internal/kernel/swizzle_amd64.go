//go:build !purego

package kernel

// swizzleFast writes the first tiles of a band of 128 rows, and returns how many.
func swizzleFast(dst, src []uint8, cols int) (tiles int) {
	if level == Generic {
		return 0
	}
	for cols/4-tiles >= stripTiles {
		n := min(cols/4-tiles, callTiles) / stripTiles
		to, from := &dst[tiles*tileBytes], &src[4*tiles]
		if level == AVX512 {
			swizzleAVX512(to, from, cols, n)
		} else {
			swizzleAVX2(to, from, cols, n)
		}
		tiles += stripTiles * n
	}
	return tiles
}

// unswizzleFast undoes swizzleFast.
func unswizzleFast(dst, src []uint8, cols int) (tiles int) {
	if level == Generic {
		return 0
	}
	for cols/4-tiles >= stripTiles {
		n := min(cols/4-tiles, callTiles) / stripTiles
		to, from := &dst[4*tiles], &src[tiles*tileBytes]
		if level == AVX512 {
			unswizzleAVX512(to, from, cols, n)
		} else {
			unswizzleAVX2(to, from, cols, n)
		}
		tiles += stripTiles * n
	}
	return tiles
}

// stripTiles is the number of neighbouring tiles that kernels work on at once: 16
// bytes of each row. callTiles is what a call takes at most: a line of the cache,
// of 128 rows, which may well compete for the same few places there.
const (
	stripTiles = 4
	callTiles  = 16
)

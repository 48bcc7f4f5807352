//go:build (amd64 || arm64) && !purego

package kernel

import "math"

const (
	amaxGroup     = 32
	amaxBF16Group = 64
)

func amaxFast(src []float32) (m uint32, n int) {
	for level != Generic && len(src)-n >= amaxGroup {
		var tile float32
		g := groups(len(src)-n, amaxGroup)
		amaxCall(&tile, &src[n], 1, g)
		m = max(m, math.Float32bits(tile))
		n += amaxGroup * g
	}
	return m, n
}

func amaxBF16Fast(src []uint16) (m uint16, n int) {
	for level != Generic && len(src)-n >= amaxBF16Group {
		var tile float32
		g := groups(len(src)-n, amaxBF16Group)
		amaxBF16Call(&tile, &src[n], 1, g)
		m = max(m, uint16(math.Float32bits(tile)>>16))
		n += amaxBF16Group * g
	}
	return m, n
}

func amaxTilesFast(amax, src []float32, width int) (tiles int) {
	if level == Generic || width%amaxGroup != 0 || width == 0 || width > callLimit {
		return 0
	}
	for tiles < len(amax) {
		n := groups(len(src)-tiles*width, width)
		amaxCall(&amax[tiles], &src[tiles*width], n, width/amaxGroup)
		tiles += n
	}
	return tiles
}

func amaxTilesBF16Fast(amax []float32, src []uint16, width int) (tiles int) {
	if level == Generic || width%amaxBF16Group != 0 || width == 0 || width > callLimit {
		return 0
	}
	for tiles < len(amax) {
		n := groups(len(src)-tiles*width, width)
		amaxBF16Call(&amax[tiles], &src[tiles*width], n, width/amaxBF16Group)
		tiles += n
	}
	return tiles
}

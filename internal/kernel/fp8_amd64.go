//go:build !purego

package kernel

// Groups are four registers of float32. What is left of those of AVX-512 may
// still hold one of AVX2.
const (
	fp8GroupAVX512 = 64
	fp8GroupAVX2   = 32
)

// fp8Call is one call of assembly: whole tiles, or whole groups of an only tile.
type fp8Call struct {
	wide         bool // AVX-512
	tiles, turns int
	size         int // elements
	tile         int // the first
}

// nextFP8Call returns the call that follows upon n of size elements in so many
// tiles, if one can.
func nextFP8Call(n, size, tiles int) (c fp8Call, ok bool) {
	if level == Generic || n == size {
		return c, false
	}
	if tiles == 1 {
		group := fp8GroupAVX2
		if level == AVX512 && size-n >= fp8GroupAVX512 {
			c.wide, group = true, fp8GroupAVX512
		}
		c.tiles, c.turns = 1, groups(size-n, group)
		c.size = c.turns * group
		return c, c.turns > 0
	}
	width := tileWidth(size, tiles)
	group := fp8GroupAVX2
	if level == AVX512 && width%fp8GroupAVX512 == 0 {
		c.wide, group = true, fp8GroupAVX512
	}
	if width%group != 0 || width > callLimit {
		return c, false
	}
	c.tiles, c.turns = groups(size-n, width), width/group
	c.size, c.tile = c.tiles*width, n/width
	return c, true
}

func scaleE4M3Fast(dst []uint8, src []float32, mult []float32) (n int) {
	for c, ok := nextFP8Call(0, len(src), len(mult)); ok; c, ok = nextFP8Call(n, len(src), len(mult)) {
		if c.wide {
			scaleE4M3AVX512(&dst[n], &src[n], c.tiles, c.turns, &mult[c.tile])
		} else {
			scaleE4M3AVX2(&dst[n], &src[n], c.tiles, c.turns, &mult[c.tile])
		}
		n += c.size
	}
	return n
}

func scaleE5M2Fast(dst []uint8, src []float32, mult []float32) (n int) {
	for c, ok := nextFP8Call(0, len(src), len(mult)); ok; c, ok = nextFP8Call(n, len(src), len(mult)) {
		if c.wide {
			scaleE5M2AVX512(&dst[n], &src[n], c.tiles, c.turns, &mult[c.tile])
		} else {
			scaleE5M2AVX2(&dst[n], &src[n], c.tiles, c.turns, &mult[c.tile])
		}
		n += c.size
	}
	return n
}

func quantizeE4M3Fast(dst []uint8, src []float32, scale []float32) (n int) {
	for c, ok := nextFP8Call(0, len(src), len(scale)); ok; c, ok = nextFP8Call(n, len(src), len(scale)) {
		if c.wide {
			quantizeE4M3AVX512(&dst[n], &src[n], c.tiles, c.turns, &scale[c.tile])
		} else {
			quantizeE4M3AVX2(&dst[n], &src[n], c.tiles, c.turns, &scale[c.tile])
		}
		n += c.size
	}
	return n
}

func quantizeE5M2Fast(dst []uint8, src []float32, scale []float32) (n int) {
	for c, ok := nextFP8Call(0, len(src), len(scale)); ok; c, ok = nextFP8Call(n, len(src), len(scale)) {
		if c.wide {
			quantizeE5M2AVX512(&dst[n], &src[n], c.tiles, c.turns, &scale[c.tile])
		} else {
			quantizeE5M2AVX2(&dst[n], &src[n], c.tiles, c.turns, &scale[c.tile])
		}
		n += c.size
	}
	return n
}

func scaleE4M3BF16Fast(dst []uint8, src []uint16, mult []float32) (n int) {
	for c, ok := nextFP8Call(0, len(src), len(mult)); ok; c, ok = nextFP8Call(n, len(src), len(mult)) {
		if c.wide {
			scaleE4M3BF16AVX512(&dst[n], &src[n], c.tiles, c.turns, &mult[c.tile])
		} else {
			scaleE4M3BF16AVX2(&dst[n], &src[n], c.tiles, c.turns, &mult[c.tile])
		}
		n += c.size
	}
	return n
}

func quantizeE4M3BF16Fast(dst []uint8, src []uint16, scale []float32) (n int) {
	for c, ok := nextFP8Call(0, len(src), len(scale)); ok; c, ok = nextFP8Call(n, len(src), len(scale)) {
		if c.wide {
			quantizeE4M3BF16AVX512(&dst[n], &src[n], c.tiles, c.turns, &scale[c.tile])
		} else {
			quantizeE4M3BF16AVX2(&dst[n], &src[n], c.tiles, c.turns, &scale[c.tile])
		}
		n += c.size
	}
	return n
}

func quantizeE4M3InBF16Fast(dst []uint8, src []uint16, scale []float32) (n int) {
	for c, ok := nextFP8Call(0, len(src), len(scale)); ok; c, ok = nextFP8Call(n, len(src), len(scale)) {
		if c.wide {
			quantizeE4M3InBF16AVX512(&dst[n], &src[n], c.tiles, c.turns, &scale[c.tile])
		} else {
			quantizeE4M3InBF16AVX2(&dst[n], &src[n], c.tiles, c.turns, &scale[c.tile])
		}
		n += c.size
	}
	return n
}

func decodeE4M3Fast(dst []float32, src []uint8, mult []float32) (n int) {
	for c, ok := nextFP8Call(0, len(src), len(mult)); ok; c, ok = nextFP8Call(n, len(src), len(mult)) {
		if c.wide {
			decodeE4M3AVX512(&dst[n], &src[n], c.tiles, c.turns, &mult[c.tile])
		} else {
			decodeE4M3AVX2(&dst[n], &src[n], c.tiles, c.turns, &mult[c.tile])
		}
		n += c.size
	}
	return n
}

func decodeE5M2Fast(dst []float32, src []uint8, mult []float32) (n int) {
	for c, ok := nextFP8Call(0, len(src), len(mult)); ok; c, ok = nextFP8Call(n, len(src), len(mult)) {
		if c.wide {
			decodeE5M2AVX512(&dst[n], &src[n], c.tiles, c.turns, &mult[c.tile])
		} else {
			decodeE5M2AVX2(&dst[n], &src[n], c.tiles, c.turns, &mult[c.tile])
		}
		n += c.size
	}
	return n
}

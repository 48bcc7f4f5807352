//go:build !purego

package kernel

import "math"

const fp8Group = 16

// fp8Call is one call of assembly: whole tiles, or whole groups of an only tile.
type fp8Call struct {
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
		c.tiles, c.turns = 1, groups(size-n, fp8Group)
		c.size = c.turns * fp8Group
		return c, c.turns > 0
	}
	width := tileWidth(size, tiles)
	if width%fp8Group != 0 || width > callLimit {
		return c, false
	}
	c.tiles, c.turns = groups(size-n, width), width/fp8Group
	c.size, c.tile = c.tiles*width, n/width
	return c, true
}

func scaleE4M3Fast(dst []uint8, src []float32, mult []float32) (n int) {
	for c, ok := nextFP8Call(0, len(src), len(mult)); ok; c, ok = nextFP8Call(n, len(src), len(mult)) {
		scaleE4M3NEON(&dst[n], &src[n], c.tiles, c.turns, &mult[c.tile])
		n += c.size
	}
	return n
}

func scaleE5M2Fast(dst []uint8, src []float32, mult []float32) (n int) {
	for c, ok := nextFP8Call(0, len(src), len(mult)); ok; c, ok = nextFP8Call(n, len(src), len(mult)) {
		scaleE5M2NEON(&dst[n], &src[n], c.tiles, c.turns, &mult[c.tile])
		n += c.size
	}
	return n
}

func quantizeE4M3Fast(dst []uint8, src []float32, scale []float32) (n int) {
	for c, ok := nextFP8Call(0, len(src), len(scale)); ok; c, ok = nextFP8Call(n, len(src), len(scale)) {
		quantizeE4M3NEON(&dst[n], &src[n], c.tiles, c.turns, &scale[c.tile])
		n += c.size
	}
	return n
}

func quantizeE5M2Fast(dst []uint8, src []float32, scale []float32) (n int) {
	for c, ok := nextFP8Call(0, len(src), len(scale)); ok; c, ok = nextFP8Call(n, len(src), len(scale)) {
		quantizeE5M2NEON(&dst[n], &src[n], c.tiles, c.turns, &scale[c.tile])
		n += c.size
	}
	return n
}

func scaleE4M3BF16Fast(dst []uint8, src []uint16, mult []float32) (n int) {
	for c, ok := nextFP8Call(0, len(src), len(mult)); ok; c, ok = nextFP8Call(n, len(src), len(mult)) {
		scaleE4M3BF16NEON(&dst[n], &src[n], c.tiles, c.turns, &mult[c.tile])
		n += c.size
	}
	return n
}

func quantizeE4M3BF16Fast(dst []uint8, src []uint16, scale []float32) (n int) {
	for c, ok := nextFP8Call(0, len(src), len(scale)); ok; c, ok = nextFP8Call(n, len(src), len(scale)) {
		quantizeE4M3BF16NEON(&dst[n], &src[n], c.tiles, c.turns, &scale[c.tile])
		n += c.size
	}
	return n
}

func quantizeE4M3InBF16Fast(dst []uint8, src []uint16, scale []float32) (n int) {
	for c, ok := nextFP8Call(0, len(src), len(scale)); ok; c, ok = nextFP8Call(n, len(src), len(scale)) {
		quantizeE4M3InBF16NEON(&dst[n], &src[n], c.tiles, c.turns, &scale[c.tile])
		n += c.size
	}
	return n
}

func decodeE4M3Fast(dst []float32, src []uint8, mult []float32) int {
	return decodeFP8(dst, src, &e4m3Upper, mult)
}

func decodeE5M2Fast(dst []float32, src []uint8, mult []float32) int {
	return decodeFP8(dst, src, &e5m2Upper, mult)
}

func decodeFP8(dst []float32, src []uint8, table *upperBytes, mult []float32) (n int) {
	for c, ok := nextFP8Call(0, len(src), len(mult)); ok; c, ok = nextFP8Call(n, len(src), len(mult)) {
		decodeFP8NEON(&dst[n], &src[n], c.tiles, c.turns, &mult[c.tile], &table[0][0])
		n += c.size
	}
	return n
}

// upperBytes holds the highest and the second bytes of the float32 values of the
// codes without sign; the others are 0.
type upperBytes [2][0x80]uint8

var e4m3Upper, e5m2Upper = newUpperBytes(&e4m3Values), newUpperBytes(&e5m2Values)

func newUpperBytes(values *[256]float32) (table upperBytes) {
	for c := range table[0] {
		u := math.Float32bits(values[c])
		table[0][c], table[1][c] = uint8(u>>24), uint8(u>>16)
	}
	return table
}

//go:build !purego

package kernel

import "math"

const fp8Group = 16

func scaleE4M3Fast(dst []uint8, src []float32, mult float32) (n int) {
	for level == NEON && len(src)-n >= fp8Group {
		g := groups(len(src)-n, fp8Group)
		scaleE4M3NEON(&dst[n], &src[n], g, mult)
		n += fp8Group * g
	}
	return n
}

func scaleE5M2Fast(dst []uint8, src []float32, mult float32) (n int) {
	for level == NEON && len(src)-n >= fp8Group {
		g := groups(len(src)-n, fp8Group)
		scaleE5M2NEON(&dst[n], &src[n], g, mult)
		n += fp8Group * g
	}
	return n
}

func quantizeE4M3Fast(dst []uint8, src []float32, scale float32) (n int) {
	for level == NEON && len(src)-n >= fp8Group {
		g := groups(len(src)-n, fp8Group)
		quantizeE4M3NEON(&dst[n], &src[n], g, scale)
		n += fp8Group * g
	}
	return n
}

func quantizeE5M2Fast(dst []uint8, src []float32, scale float32) (n int) {
	for level == NEON && len(src)-n >= fp8Group {
		g := groups(len(src)-n, fp8Group)
		quantizeE5M2NEON(&dst[n], &src[n], g, scale)
		n += fp8Group * g
	}
	return n
}

func decodeE4M3Fast(dst []float32, src []uint8, mult float32) int {
	return decodeFP8(dst, src, &e4m3Upper, mult)
}

func decodeE5M2Fast(dst []float32, src []uint8, mult float32) int {
	return decodeFP8(dst, src, &e5m2Upper, mult)
}

func decodeFP8(dst []float32, src []uint8, table *upperBytes, mult float32) (n int) {
	for level == NEON && len(src)-n >= fp8Group {
		g := groups(len(src)-n, fp8Group)
		decodeFP8NEON(&dst[n], &src[n], g, &table[0][0], mult)
		n += fp8Group * g
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

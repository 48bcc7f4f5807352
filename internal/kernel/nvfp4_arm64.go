//go:build !purego

package kernel

import "math"

// A caller's chunk is so small that no call is long.

// neonGroups returns how many groups of size blocks NEON takes of n.
func neonGroups(n, size int) int {
	if level != NEON {
		return 0
	}
	return n / size
}

func blockAMaxFast(amax, src []float32) int {
	g := neonGroups(len(amax), 4)
	if g > 0 {
		blockAMaxNEON(&amax[0], &src[0], g)
	}
	return 4 * g
}

func blockAMaxBF16Fast(amax []float32, src []uint16) int {
	g := neonGroups(len(amax), 8)
	if g > 0 {
		blockAMaxBF16NEON(&amax[0], &src[0], g)
	}
	return 8 * g
}

func scalesModelOptFast(scales []uint8, div, amax []float32, g float32, zeroIsOne bool) int {
	zeroKey := math.Float32frombits(f32Sign | f32NaN) // no maximum has these bits
	if zeroIsOne {
		zeroKey = 0
	}
	n := neonGroups(len(amax), 16)
	if n > 0 {
		scalesModelOptNEON(&scales[0], &div[0], &amax[0], float32(6*g), g, zeroKey, n)
	}
	return 16 * n
}

func scalesTEFast(scales []uint8, mult, amax []float32, s float32) int {
	perMax, inverse := scalesTEFactors(s)
	n := neonGroups(len(amax), 16)
	if n > 0 {
		scalesTENEON(&scales[0], &mult[0], &amax[0], perMax, inverse, n)
	}
	return 16 * n
}

func blockMultipliersFast(mult []float32, scales []uint8, a, b float32) int {
	n := neonGroups(len(scales), 16)
	if n > 0 {
		blockMultipliersNEON(&mult[0], &scales[0], a, b, n)
	}
	return 16 * n
}

func encodeE2M1DivFast(codes []byte, src, div []float32) int {
	g := neonGroups(len(div), 2)
	if g > 0 {
		encodeE2M1DivNEON(&codes[0], &src[0], &div[0], g)
	}
	return 2 * g
}

func encodeE2M1DivBF16Fast(codes []byte, src []uint16, div []float32) int {
	g := neonGroups(len(div), 2)
	if g > 0 {
		encodeE2M1DivBF16NEON(&codes[0], &src[0], &div[0], g)
	}
	return 2 * g
}

func encodeE2M1MulFast(codes []byte, src, mult []float32) int {
	g := neonGroups(len(mult), 2)
	if g > 0 {
		encodeE2M1MulNEON(&codes[0], &src[0], &mult[0], g)
	}
	return 2 * g
}

func encodeE2M1MulBF16Fast(codes []byte, src []uint16, mult []float32) int {
	g := neonGroups(len(mult), 2)
	if g > 0 {
		encodeE2M1MulBF16NEON(&codes[0], &src[0], &mult[0], g)
	}
	return 2 * g
}

// Stores that go around the caches are left to the processor, which finds out.

func decodeE2M1Fast(dst []float32, codes []byte, mult []float32, negativeZero, _ bool) int {
	g := neonGroups(len(mult), 2)
	if g > 0 {
		decodeE2M1NEON(&dst[0], &codes[0], &mult[0], &e2m1Upper[signedZero(negativeZero)][0][0], g)
	}
	return 2 * g
}

func decodeE2M1BF16Fast(dst []uint16, codes []byte, mult []float32, negativeZero, _ bool) int {
	g := neonGroups(len(mult), 2)
	if g > 0 {
		decodeE2M1BF16NEON(&dst[0], &codes[0], &mult[0], &e2m1Upper[signedZero(negativeZero)][0][0], g)
	}
	return 2 * g
}

// e2m1Upper holds the highest and the second bytes of the float32 values of the
// codes; the others are 0. Indexed as e2m1Values.
var e2m1Upper = func() (table [2][2][16]uint8) {
	for i := range table {
		for c, v := range e2m1Values[i] {
			u := math.Float32bits(v)
			table[i][0][c], table[i][1][c] = uint8(u>>24), uint8(u>>16)
		}
	}
	return table
}()

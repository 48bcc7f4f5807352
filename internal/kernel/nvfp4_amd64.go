//go:build !purego

package kernel

import (
	"math"
	"unsafe"
)

// Blocks a group.
const (
	blocksAVX512 = 16
	blocksAVX2   = 8
)

// blockGroups returns how many groups of n blocks each level takes: with
// AVX-512, AVX2 takes half a group of the rest.
func blockGroups(n int) (wide, narrow int) {
	switch level {
	case AVX512:
		return n / blocksAVX512, n % blocksAVX512 / blocksAVX2
	case AVX2:
		return 0, n / blocksAVX2
	}
	return 0, 0
}

func blockAMaxFast(amax, src []float32) int {
	wide, narrow := blockGroups(len(amax))
	if wide > 0 {
		blockAMaxAVX512(&amax[0], &src[0], wide)
	}
	i := wide * blocksAVX512
	if narrow > 0 {
		blockAMaxAVX2(&amax[i], &src[i*NVFP4Block], narrow)
	}
	return i + narrow*blocksAVX2
}

func blockAMaxBF16Fast(amax []float32, src []uint16) int {
	wide, narrow := blockGroups(len(amax))
	if wide > 0 {
		blockAMaxBF16AVX512(&amax[0], &src[0], wide)
	}
	i := wide * blocksAVX512
	if narrow > 0 {
		blockAMaxBF16AVX2(&amax[i], &src[i*NVFP4Block], narrow)
	}
	return i + narrow*blocksAVX2
}

func scalesModelOptFast(scales []uint8, div, amax []float32, g float32, zeroIsOne bool) int {
	wide, narrow := blockGroups(len(amax))
	zeroKey := float32(math.NaN()) // equals nothing
	if zeroIsOne {
		zeroKey = 0
	}
	if wide > 0 {
		scalesModelOptAVX512(&scales[0], &div[0], &amax[0], float32(6*g), g, zeroKey, wide)
	}
	i := wide * blocksAVX512
	if narrow > 0 {
		scalesModelOptAVX2(&scales[i], &div[i], &amax[i], float32(6*g), g, zeroKey, narrow)
	}
	return i + narrow*blocksAVX2
}

func scalesTEFast(scales []uint8, mult, amax []float32, s float32) int {
	wide, narrow := blockGroups(len(amax))
	perMax, inverse := scalesTEFactors(s)
	if wide > 0 {
		scalesTEAVX512(&scales[0], &mult[0], &amax[0], perMax, inverse, wide)
	}
	i := wide * blocksAVX512
	if narrow > 0 {
		scalesTEAVX2(&scales[i], &mult[i], &amax[i], perMax, inverse, narrow)
	}
	return i + narrow*blocksAVX2
}

// divisors is what the kernels that do not divide need of a chunk's divisors, in
// the order in which they were computed: 1/d in two parts and two bounds.
type divisors [4][NVFP4Chunk]float32

func encodeE2M1DivFast(codes []byte, src, div []float32) int {
	div = div[:min(len(div), NVFP4Chunk)]
	wide, narrow := blockGroups(len(div))
	i := wide * blocksAVX512
	var parts divisors
	if wide > 0 {
		if divisorPartsAVX512(&parts[0][0], &div[0], wide) == 0 {
			encodeE2M1DivAVX512(&codes[0], &src[0], &parts[0][0], wide)
		} else {
			encodeE2M1DivideAVX512(&codes[0], &src[0], &div[0], wide)
		}
	}
	if narrow > 0 {
		if divisorPartsAVX2(&parts[0][0], &div[i], narrow) == 0 {
			encodeE2M1DivAVX2(&codes[i*NVFP4BlockBytes], &src[i*NVFP4Block], &parts[0][0], narrow)
		} else {
			encodeE2M1DivideAVX2(&codes[i*NVFP4BlockBytes], &src[i*NVFP4Block], &div[i], narrow)
		}
	}
	return i + narrow*blocksAVX2
}

func encodeE2M1DivBF16Fast(codes []byte, src []uint16, div []float32) int {
	div = div[:min(len(div), NVFP4Chunk)]
	wide, narrow := blockGroups(len(div))
	i := wide * blocksAVX512
	var parts divisors
	if wide > 0 {
		if divisorPartsAVX512(&parts[0][0], &div[0], wide) == 0 {
			encodeE2M1DivBF16AVX512(&codes[0], &src[0], &parts[0][0], wide)
		} else {
			encodeE2M1DivideBF16AVX512(&codes[0], &src[0], &div[0], wide)
		}
	}
	if narrow > 0 {
		if divisorPartsAVX2(&parts[0][0], &div[i], narrow) == 0 {
			encodeE2M1DivBF16AVX2(&codes[i*NVFP4BlockBytes], &src[i*NVFP4Block], &parts[0][0], narrow)
		} else {
			encodeE2M1DivideBF16AVX2(&codes[i*NVFP4BlockBytes], &src[i*NVFP4Block], &div[i], narrow)
		}
	}
	return i + narrow*blocksAVX2
}

func encodeE2M1MulFast(codes []byte, src, mult []float32) int {
	wide, narrow := blockGroups(len(mult))
	if wide > 0 {
		encodeE2M1MulAVX512(&codes[0], &src[0], &mult[0], wide)
	}
	i := wide * blocksAVX512
	if narrow > 0 {
		encodeE2M1MulAVX2(&codes[i*NVFP4BlockBytes], &src[i*NVFP4Block], &mult[i], narrow)
	}
	return i + narrow*blocksAVX2
}

func encodeE2M1MulBF16Fast(codes []byte, src []uint16, mult []float32) int {
	wide, narrow := blockGroups(len(mult))
	if wide > 0 {
		encodeE2M1MulBF16AVX512(&codes[0], &src[0], &mult[0], wide)
	}
	i := wide * blocksAVX512
	if narrow > 0 {
		encodeE2M1MulBF16AVX2(&codes[i*NVFP4BlockBytes], &src[i*NVFP4Block], &mult[i], narrow)
	}
	return i + narrow*blocksAVX2
}

func blockMultipliersFast(mult []float32, scales []uint8, a, b float32) int {
	wide, narrow := blockGroups(len(mult))
	if wide > 0 {
		blockMultipliersAVX512(&mult[0], &scales[0], a, b, wide)
	}
	i := wide * blocksAVX512
	if narrow > 0 {
		blockMultipliersAVX2(&mult[i], &scales[i], a, b, narrow)
	}
	return i + narrow*blocksAVX2
}

func decodeE2M1Fast(dst []float32, codes []byte, mult []float32, negativeZero, streaming bool) int {
	wide, narrow := blockGroups(len(mult))
	zero := signedZero(negativeZero)
	streaming = streaming && aligned(dst)
	if wide > 0 {
		if streaming {
			decodeE2M1StreamingAVX512(&dst[0], &codes[0], &mult[0], &e2m1Values[zero], wide)
		} else {
			decodeE2M1AVX512(&dst[0], &codes[0], &mult[0], &e2m1Values[zero], wide)
		}
	}
	i := wide * blocksAVX512
	if narrow > 0 {
		dst, codes, mult := &dst[i*NVFP4Block], &codes[i*NVFP4BlockBytes], &mult[i]
		if streaming {
			decodeE2M1StreamingAVX2(dst, codes, mult, &e2m1Upper[zero], narrow)
		} else {
			decodeE2M1AVX2(dst, codes, mult, &e2m1Upper[zero], narrow)
		}
	}
	return i + narrow*blocksAVX2
}

func decodeE2M1BF16Fast(dst []uint16, codes []byte, mult []float32, negativeZero, streaming bool) int {
	wide, narrow := blockGroups(len(mult))
	zero := signedZero(negativeZero)
	streaming = streaming && aligned(dst)
	if wide > 0 {
		if streaming {
			decodeE2M1BF16StreamingAVX512(&dst[0], &codes[0], &mult[0], &e2m1Values[zero], wide)
		} else {
			decodeE2M1BF16AVX512(&dst[0], &codes[0], &mult[0], &e2m1Values[zero], wide)
		}
	}
	i := wide * blocksAVX512
	if narrow > 0 {
		dst, codes, mult := &dst[i*NVFP4Block], &codes[i*NVFP4BlockBytes], &mult[i]
		if streaming {
			decodeE2M1BF16StreamingAVX2(dst, codes, mult, &e2m1Upper[zero], narrow)
		} else {
			decodeE2M1BF16AVX2(dst, codes, mult, &e2m1Upper[zero], narrow)
		}
	}
	return i + narrow*blocksAVX2
}

// aligned reports whether x begins where streaming stores of any level may.
func aligned[T any](x []T) bool {
	return uintptr(unsafe.Pointer(unsafe.SliceData(x)))%64 == 0
}

// e2m1Upper holds the upper bytes of e2m1Values. Of the others only the second is
// not 0.
var e2m1Upper = func() (table [2][16]uint8) {
	for i := range table {
		for c, v := range e2m1Values[i] {
			table[i][c] = uint8(math.Float32bits(v) >> 24)
		}
	}
	return table
}()

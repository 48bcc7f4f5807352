//go:build (!amd64 && !arm64) || purego

package kernel

func blockAMaxFast(amax, src []float32) int { return 0 }

func blockAMaxBF16Fast(amax []float32, src []uint16) int { return 0 }

func scalesModelOptFast(scales []uint8, div, amax []float32, g float32, zeroIsOne bool) int { return 0 }

func scalesTEFast(scales []uint8, mult, amax []float32, s float32) int { return 0 }

func encodeE2M1DivFast(codes []byte, src, div []float32) int { return 0 }

func encodeE2M1DivBF16Fast(codes []byte, src []uint16, div []float32) int { return 0 }

func encodeE2M1MulFast(codes []byte, src, mult []float32) int { return 0 }

func encodeE2M1MulBF16Fast(codes []byte, src []uint16, mult []float32) int { return 0 }

func blockMultipliersFast(mult []float32, scales []uint8, a, b float32) int { return 0 }

func decodeE2M1Fast(dst []float32, codes []byte, mult []float32, negativeZero, streaming bool) int {
	return 0
}

func decodeE2M1BF16Fast(dst []uint16, codes []byte, mult []float32, negativeZero, streaming bool) int {
	return 0
}

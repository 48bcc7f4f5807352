package kernel

import "math"

// BF16FromFloat32 rounds f to the nearest BF16, ties to even, subnormals like
// all others. Magnitudes of 0x1.FFp127 and above become infinite. A NaN keeps
// its sign and upper payload bits and is made quiet.
func BF16FromFloat32(f float32) uint16 {
	const quietBit = 0x0040
	u := math.Float32bits(f)
	if u&f32MagMask > f32Inf {
		return uint16(u>>16) | quietBit
	}
	// Just under half a place, and one more if the kept part is odd: only a tie sees the difference.
	// A carry out of the mantissa moves to the next exponent, and from the last one to infinity.
	return uint16((u + 0x7FFF + u>>16&1) >> 16)
}

func encodeBF16Generic(dst []uint16, src []float32) {
	dst = dst[:len(src)]
	for i, f := range src {
		dst[i] = BF16FromFloat32(f)
	}
}

func decodeBF16Generic(dst []float32, src []uint16) {
	dst = dst[:len(src)]
	for i, b := range src {
		dst[i] = math.Float32frombits(uint32(b) << 16)
	}
}

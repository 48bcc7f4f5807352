package fp8

import "fmt"

// UE8M0 scales are powers of two held as their exponents, [E8M0]. DeepGEMM packs those of four
// neighbouring columns of tiles into an int32, the first in its lowest byte.

// UE8M0Words returns how many int32 the scales of a row of tiles take: across/4, rounded up.
func UE8M0Words(across int) int { return ceilDiv(across, 4) }

// PackUE8M0 packs rows of across scales each, as in [Tensor].Scales. The last int32 of a row is filled
// up with 2^0. A scale that is not a power of two from 2^-127 to 2^127 is an error that names it; a
// NaN is packed as one. PackUE8M0 panics unless dst has UE8M0Words(across) for each row of scales.
func PackUE8M0(dst []int32, scales []float32, across int) error {
	checkPacked(len(dst), len(scales), across)
	for i := range dst {
		row, col := i/UE8M0Words(across), i%UE8M0Words(across)*4
		var word uint32
		for k := range 4 {
			exponent := E8M0(127)
			if at := row*across + col + k; col+k < across {
				s := scales[at]
				exponent = E8M0FromFloat32(s)
				if back := exponent.Float32(); back != s && s == s {
					return fmt.Errorf("fp8: scale %d, %v, is not a power of two that UE8M0 has", at, s)
				}
			}
			word |= uint32(exponent) << (8 * k)
		}
		dst[i] = int32(word)
	}
	return nil
}

// UnpackUE8M0 undoes [PackUE8M0] and drops what fills up rows. It panics unless src has
// UE8M0Words(across) for each row of scales.
func UnpackUE8M0(scales []float32, src []int32, across int) {
	checkPacked(len(src), len(scales), across)
	for i := range scales {
		row, col := i/across, i%across
		word := uint32(src[row*UE8M0Words(across)+col/4])
		scales[i] = E8M0(word >> (col % 4 * 8)).Float32()
	}
}

// checkPacked panics unless n scales in rows of across fit the packed words.
func checkPacked(words, n, across int) {
	if across < 0 || across == 0 && n+words != 0 ||
		across > 0 && (n%across != 0 || words/UE8M0Words(across) != n/across || words%UE8M0Words(across) != 0) {
		panic("fp8: lengths of scales and packed words do not fit")
	}
}

package bf16

import "github.com/trueup-rl/trueup/internal/kernel"

// Encode sets dst[i] = FromFloat32(src[i]). It panics if the lengths differ.
func Encode(dst []BF16, src []float32) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	kernel.EncodeBF16(kernel.Words(dst), src)
}

// Decode sets dst[i] = src[i].Float32(), exactly. It panics if the lengths differ.
func Decode(dst []float32, src []BF16) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	kernel.DecodeBF16(dst, kernel.Words(src))
}

const badLength = "bf16: lengths of dst and src differ"

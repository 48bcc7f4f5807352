package fp8

import "github.com/trueup-rl/trueup/internal/kernel"

const badLength = "fp8: lengths of dst and src differ"

// EncodeE4M3 sets dst[i] = E4M3FromFloat32(src[i]). It panics if the lengths differ.
func EncodeE4M3(dst []E4M3, src []float32) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	kernel.EncodeE4M3(kernel.Bytes(dst), src)
}

// EncodeE4M3NoSat sets dst[i] = E4M3FromFloat32NoSat(src[i]). It panics if the lengths differ.
func EncodeE4M3NoSat(dst []E4M3, src []float32) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	for i, f := range src {
		dst[i] = E4M3FromFloat32NoSat(f)
	}
}

// DecodeE4M3 sets dst[i] = src[i].Float32(), exactly. It panics if the lengths differ.
func DecodeE4M3(dst []float32, src []E4M3) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	kernel.DecodeE4M3(dst, kernel.Bytes(src), 1)
}

// EncodeE5M2 sets dst[i] = E5M2FromFloat32(src[i]). It panics if the lengths differ.
func EncodeE5M2(dst []E5M2, src []float32) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	kernel.EncodeE5M2(kernel.Bytes(dst), src)
}

// EncodeE5M2NoSat sets dst[i] = E5M2FromFloat32NoSat(src[i]). It panics if the lengths differ.
func EncodeE5M2NoSat(dst []E5M2, src []float32) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	for i, f := range src {
		dst[i] = E5M2FromFloat32NoSat(f)
	}
}

// DecodeE5M2 sets dst[i] = src[i].Float32(), exactly. It panics if the lengths differ.
func DecodeE5M2(dst []float32, src []E5M2) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	kernel.DecodeE5M2(dst, kernel.Bytes(src), 1)
}

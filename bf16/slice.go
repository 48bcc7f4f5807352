package bf16

// Encode sets dst[i] = FromFloat32(src[i]). It panics if the lengths differ.
func Encode(dst []BF16, src []float32) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	for i, f := range src {
		dst[i] = FromFloat32(f)
	}
}

// Decode sets dst[i] = src[i].Float32(), exactly. It panics if the lengths differ.
func Decode(dst []float32, src []BF16) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	for i, b := range src {
		dst[i] = b.Float32()
	}
}

const badLength = "bf16: lengths of dst and src differ"

package fp6

const differentLengths = "fp6: lengths of dst and src differ"

// EncodeE2M3 sets dst[i] = E2M3FromFloat32(src[i]). It panics if the lengths differ.
func EncodeE2M3(dst []E2M3, src []float32) {
	if len(dst) != len(src) {
		panic(differentLengths)
	}
	for i, f := range src {
		dst[i] = E2M3FromFloat32(f)
	}
}

// DecodeE2M3 sets dst[i] = src[i].Float32(). It panics if the lengths differ.
func DecodeE2M3(dst []float32, src []E2M3) {
	if len(dst) != len(src) {
		panic(differentLengths)
	}
	for i, c := range src {
		dst[i] = c.Float32()
	}
}

// EncodeE3M2 sets dst[i] = E3M2FromFloat32(src[i]). It panics if the lengths differ.
func EncodeE3M2(dst []E3M2, src []float32) {
	if len(dst) != len(src) {
		panic(differentLengths)
	}
	for i, f := range src {
		dst[i] = E3M2FromFloat32(f)
	}
}

// DecodeE3M2 sets dst[i] = src[i].Float32(). It panics if the lengths differ.
func DecodeE3M2(dst []float32, src []E3M2) {
	if len(dst) != len(src) {
		panic(differentLengths)
	}
	for i, c := range src {
		dst[i] = c.Float32()
	}
}

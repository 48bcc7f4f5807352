package kernel

func quotientsGeneric(dst, src []float32, d float32) {
	for i, x := range src {
		dst[i] = x / d
	}
}

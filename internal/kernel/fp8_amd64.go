//go:build !purego

package kernel

// Groups are four registers of float32. What is left of those of AVX-512 may
// still hold one of AVX2.
const (
	fp8GroupAVX512 = 64
	fp8GroupAVX2   = 32
)

func scaleE4M3Fast(dst []uint8, src []float32, mult float32) (n int) {
	for level == AVX512 && len(src)-n >= fp8GroupAVX512 {
		g := groups(len(src)-n, fp8GroupAVX512)
		scaleE4M3AVX512(&dst[n], &src[n], g, mult)
		n += fp8GroupAVX512 * g
	}
	for level != Generic && len(src)-n >= fp8GroupAVX2 {
		g := groups(len(src)-n, fp8GroupAVX2)
		scaleE4M3AVX2(&dst[n], &src[n], g, mult)
		n += fp8GroupAVX2 * g
	}
	return n
}

func scaleE5M2Fast(dst []uint8, src []float32, mult float32) (n int) {
	for level == AVX512 && len(src)-n >= fp8GroupAVX512 {
		g := groups(len(src)-n, fp8GroupAVX512)
		scaleE5M2AVX512(&dst[n], &src[n], g, mult)
		n += fp8GroupAVX512 * g
	}
	for level != Generic && len(src)-n >= fp8GroupAVX2 {
		g := groups(len(src)-n, fp8GroupAVX2)
		scaleE5M2AVX2(&dst[n], &src[n], g, mult)
		n += fp8GroupAVX2 * g
	}
	return n
}

func quantizeE4M3Fast(dst []uint8, src []float32, scale float32) (n int) {
	for level == AVX512 && len(src)-n >= fp8GroupAVX512 {
		g := groups(len(src)-n, fp8GroupAVX512)
		quantizeE4M3AVX512(&dst[n], &src[n], g, scale)
		n += fp8GroupAVX512 * g
	}
	for level != Generic && len(src)-n >= fp8GroupAVX2 {
		g := groups(len(src)-n, fp8GroupAVX2)
		quantizeE4M3AVX2(&dst[n], &src[n], g, scale)
		n += fp8GroupAVX2 * g
	}
	return n
}

func quantizeE5M2Fast(dst []uint8, src []float32, scale float32) (n int) {
	for level == AVX512 && len(src)-n >= fp8GroupAVX512 {
		g := groups(len(src)-n, fp8GroupAVX512)
		quantizeE5M2AVX512(&dst[n], &src[n], g, scale)
		n += fp8GroupAVX512 * g
	}
	for level != Generic && len(src)-n >= fp8GroupAVX2 {
		g := groups(len(src)-n, fp8GroupAVX2)
		quantizeE5M2AVX2(&dst[n], &src[n], g, scale)
		n += fp8GroupAVX2 * g
	}
	return n
}

func decodeE4M3Fast(dst []float32, src []uint8, mult float32) (n int) {
	for level == AVX512 && len(src)-n >= fp8GroupAVX512 {
		g := groups(len(src)-n, fp8GroupAVX512)
		decodeE4M3AVX512(&dst[n], &src[n], g, mult)
		n += fp8GroupAVX512 * g
	}
	for level != Generic && len(src)-n >= fp8GroupAVX2 {
		g := groups(len(src)-n, fp8GroupAVX2)
		decodeE4M3AVX2(&dst[n], &src[n], g, mult)
		n += fp8GroupAVX2 * g
	}
	return n
}

func decodeE5M2Fast(dst []float32, src []uint8, mult float32) (n int) {
	for level == AVX512 && len(src)-n >= fp8GroupAVX512 {
		g := groups(len(src)-n, fp8GroupAVX512)
		decodeE5M2AVX512(&dst[n], &src[n], g, mult)
		n += fp8GroupAVX512 * g
	}
	for level != Generic && len(src)-n >= fp8GroupAVX2 {
		g := groups(len(src)-n, fp8GroupAVX2)
		decodeE5M2AVX2(&dst[n], &src[n], g, mult)
		n += fp8GroupAVX2 * g
	}
	return n
}

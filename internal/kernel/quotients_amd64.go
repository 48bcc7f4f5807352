//go:build !purego

package kernel

// quotientsFast takes groups of 16 with AVX-512 and of 8 with AVX2.
func quotientsFast(dst, src []float32, d float32) int {
	done, size := 0, 8
	if level == AVX512 {
		size = 16
	}
	if level == Generic {
		return 0
	}
	for g := groups(len(src), size); g > 0; g = groups(len(src)-done, size) {
		if level == AVX512 {
			quotientsAVX512(&dst[done], &src[done], d, g)
		} else {
			quotientsAVX2(&dst[done], &src[done], d, g)
		}
		done += size * g
	}
	return done
}

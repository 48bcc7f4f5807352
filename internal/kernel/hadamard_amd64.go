//go:build !purego

package kernel

func hadamardFast(dst, x []float32, s *hadamardSigns) int {
	done := 0
	for g := groups(len(x), 16); g > 0; g = groups(len(x)-done, 16) {
		switch level {
		case AVX512:
			hadamardAVX512(&dst[done], &x[done], &s.in[0], g)
		case AVX2:
			hadamardAVX2(&dst[done], &x[done], &s.in[0], g)
		default:
			return 0
		}
		done += 16 * g
	}
	return done
}

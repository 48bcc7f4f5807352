//go:build !purego

package kernel

func hadamardFast(dst, x []float32, s *hadamardSigns) int {
	if level != NEON {
		return 0
	}
	done := 0
	for g := groups(len(x), 16); g > 0; g = groups(len(x)-done, 16) {
		hadamardNEON(&dst[done], &x[done], &s.in[0], &s.out[0], g)
		done += 16 * g
	}
	return done
}

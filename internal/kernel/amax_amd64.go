//go:build !purego

package kernel

const (
	amaxGroup     = 32
	amaxBF16Group = 64
)

func amaxFast(src []float32) (m uint32, n int) {
	if level == Generic {
		return 0, 0
	}
	for len(src)-n >= amaxGroup {
		g := groups(len(src)-n, amaxGroup)
		if level == AVX512 {
			m = max(m, amaxAVX512(&src[n], g))
		} else {
			m = max(m, amaxAVX2(&src[n], g))
		}
		n += amaxGroup * g
	}
	return m, n
}

func amaxBF16Fast(src []uint16) (m uint16, n int) {
	if level == Generic {
		return 0, 0
	}
	for len(src)-n >= amaxBF16Group {
		g := groups(len(src)-n, amaxBF16Group)
		if level == AVX512 {
			m = max(m, amaxBF16AVX512(&src[n], g))
		} else {
			m = max(m, amaxBF16AVX2(&src[n], g))
		}
		n += amaxBF16Group * g
	}
	return m, n
}

//go:build !purego

package kernel

const (
	amaxGroup     = 32
	amaxBF16Group = 64
)

func amaxFast(src []float32) (m uint32, n int) {
	for level == NEON && len(src)-n >= amaxGroup {
		g := groups(len(src)-n, amaxGroup)
		m = max(m, amaxNEON(&src[n], g))
		n += amaxGroup * g
	}
	return m, n
}

func amaxBF16Fast(src []uint16) (m uint16, n int) {
	for level == NEON && len(src)-n >= amaxBF16Group {
		g := groups(len(src)-n, amaxBF16Group)
		m = max(m, amaxBF16NEON(&src[n], g))
		n += amaxBF16Group * g
	}
	return m, n
}

//go:build !purego

package kernel

const bf16Group = 32

func encodeBF16Fast(dst []uint16, src []float32) (n int) {
	if level == Generic {
		return 0
	}
	for len(src)-n >= bf16Group {
		g := groups(len(src)-n, bf16Group)
		if level == AVX512 {
			encodeBF16AVX512(&dst[n], &src[n], g)
		} else {
			encodeBF16AVX2(&dst[n], &src[n], g)
		}
		n += bf16Group * g
	}
	return n
}

func decodeBF16Fast(dst []float32, src []uint16) (n int) {
	if level == Generic {
		return 0
	}
	for len(src)-n >= bf16Group {
		g := groups(len(src)-n, bf16Group)
		if level == AVX512 {
			decodeBF16AVX512(&dst[n], &src[n], g)
		} else {
			decodeBF16AVX2(&dst[n], &src[n], g)
		}
		n += bf16Group * g
	}
	return n
}

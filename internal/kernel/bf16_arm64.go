//go:build !purego

package kernel

const bf16Group = 16

func encodeBF16Fast(dst []uint16, src []float32) (n int) {
	for level == NEON && len(src)-n >= bf16Group {
		g := groups(len(src)-n, bf16Group)
		encodeBF16NEON(&dst[n], &src[n], g)
		n += bf16Group * g
	}
	return n
}

func decodeBF16Fast(dst []float32, src []uint16) (n int) {
	for level == NEON && len(src)-n >= bf16Group {
		g := groups(len(src)-n, bf16Group)
		decodeBF16NEON(&dst[n], &src[n], g)
		n += bf16Group * g
	}
	return n
}

//go:build !purego

package kernel

func amaxCall(dst, src *float32, tiles, turns int) {
	if level == AVX512 {
		amaxAVX512(dst, src, tiles, turns)
	} else {
		amaxAVX2(dst, src, tiles, turns)
	}
}

func amaxBF16Call(dst *float32, src *uint16, tiles, turns int) {
	if level == AVX512 {
		amaxBF16AVX512(dst, src, tiles, turns)
	} else {
		amaxBF16AVX2(dst, src, tiles, turns)
	}
}

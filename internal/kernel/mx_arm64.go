//go:build !purego

package kernel

// A caller's chunk is at most MXChunk blocks, so that no call is long.

func mxScalesFast(scales []uint8, factor, amax []float32, rule *MXScale) (n int, nan bool) {
	g := neonGroups(len(scales), 16)
	if g > 0 {
		nan = mxScalesNEON(&scales[0], &factor[0], &amax[0], g, &rule.Steps[0], rule.Zero, rule.NaN) != 0
	}
	return 16 * g, nan
}

func mxMultipliersFast(mult []float32, scales []uint8) int {
	g := neonGroups(len(scales), 16)
	if g > 0 {
		mxMultipliersNEON(&mult[0], &scales[0], g)
	}
	return 16 * g
}

func encodeMXE2M1Fast(codes []byte, src, factor []float32) int {
	g := neonGroups(len(factor), 2)
	if g > 0 {
		encodeMXE2M1NEON(&codes[0], &src[0], &factor[0], g)
	}
	return 2 * g
}

func encodeMXE2M1BF16Fast(codes []byte, src []uint16, factor []float32) int {
	g := neonGroups(len(factor), 2)
	if g > 0 {
		encodeMXE2M1BF16NEON(&codes[0], &src[0], &factor[0], g)
	}
	return 2 * g
}

func encodeMXE4M3Fast(codes []uint8, src, factor []float32) int {
	g := neonGroups(len(factor), 1)
	if g > 0 {
		encodeMXE4M3NEON(&codes[0], &src[0], &factor[0], g)
	}
	return g
}

func encodeMXE4M3BF16Fast(codes []uint8, src []uint16, factor []float32) int {
	g := neonGroups(len(factor), 1)
	if g > 0 {
		encodeMXE4M3BF16NEON(&codes[0], &src[0], &factor[0], g)
	}
	return g
}

func encodeMXE5M2Fast(codes []uint8, src, factor []float32) int {
	g := neonGroups(len(factor), 1)
	if g > 0 {
		encodeMXE5M2NEON(&codes[0], &src[0], &factor[0], g)
	}
	return g
}

func encodeMXE5M2BF16Fast(codes []uint8, src []uint16, factor []float32) int {
	g := neonGroups(len(factor), 1)
	if g > 0 {
		encodeMXE5M2BF16NEON(&codes[0], &src[0], &factor[0], g)
	}
	return g
}

func decodeMXE4M3Fast(dst []float32, codes []uint8, mult []float32) int {
	return decodeMXFast(dst, codes, mult, &e4m3Upper)
}

func decodeMXE5M2Fast(dst []float32, codes []uint8, mult []float32) int {
	return decodeMXFast(dst, codes, mult, &e5m2Upper)
}

func decodeMXFast(dst []float32, codes []uint8, mult []float32, table *upperBytes) int {
	g := neonGroups(len(mult), 1)
	if g > 0 {
		decodeMXNEON(&dst[0], &codes[0], &mult[0], &table[0][0], g)
	}
	return g
}

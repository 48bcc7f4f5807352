//go:build !purego

package kernel

// A caller's chunk is at most MXChunk blocks, so that no call is long. Groups are of
// values, or of blocks where something is done once a block; a level takes what
// makes whole groups, and leaves the rest to the generic twins.

const mxBlocksAVX2 = 8

func mxScalesFast(scales []uint8, factor, amax []float32, rule *MXScale) (n int, nan bool) {
	g := len(scales) / mxBlocksAVX2
	if level == Generic || g == 0 {
		return 0, false
	}
	nans := mxScalesAVX2(&scales[0], &factor[0], &amax[0], g, &rule.Steps[0], rule.Zero, rule.NaN)
	return g * mxBlocksAVX2, nans != 0
}

func mxMultipliersFast(mult []float32, scales []uint8) int {
	g := len(scales) / mxBlocksAVX2
	if level == Generic || g == 0 {
		return 0
	}
	mxMultipliersAVX2(&mult[0], &scales[0], g)
	return g * mxBlocksAVX2
}

// mxGroups returns how many groups of that many halves of blocks each level takes
// of n halves: with AVX-512, AVX2 takes what is left.
func mxGroups(n, halvesAVX512, halvesAVX2 int) (wide, narrow int) {
	switch level {
	case AVX512:
		wide = n / halvesAVX512
		return wide, (n - wide*halvesAVX512) / halvesAVX2
	case AVX2:
		return 0, n / halvesAVX2
	}
	return 0, 0
}

func encodeMXE2M1Fast(codes []byte, src, factor []float32) int {
	wide, narrow := mxGroups(len(factor), 4, 4)
	if wide > 0 {
		encodeMXE2M1AVX512(&codes[0], &src[0], &factor[0], wide)
	}
	if i := 4 * wide; narrow > 0 {
		encodeMXE2M1AVX2(&codes[i*NVFP4BlockBytes], &src[i*NVFP4Block], &factor[i], narrow)
	}
	return 4 * (wide + narrow)
}

func encodeMXE2M1BF16Fast(codes []byte, src []uint16, factor []float32) int {
	wide, narrow := mxGroups(len(factor), 4, 4)
	if wide > 0 {
		encodeMXE2M1BF16AVX512(&codes[0], &src[0], &factor[0], wide)
	}
	if i := 4 * wide; narrow > 0 {
		encodeMXE2M1BF16AVX2(&codes[i*NVFP4BlockBytes], &src[i*NVFP4Block], &factor[i], narrow)
	}
	return 4 * (wide + narrow)
}

func encodeMXE4M3Fast(codes []uint8, src, factor []float32) int {
	wide, narrow := mxGroups(len(factor), 4, 2)
	if wide > 0 {
		encodeMXE4M3AVX512(&codes[0], &src[0], &factor[0], wide)
	}
	if i := 4 * wide; narrow > 0 {
		encodeMXE4M3AVX2(&codes[i*NVFP4Block], &src[i*NVFP4Block], &factor[i], narrow)
	}
	return 4*wide + 2*narrow
}

func encodeMXE4M3BF16Fast(codes []uint8, src []uint16, factor []float32) int {
	wide, narrow := mxGroups(len(factor), 4, 2)
	if wide > 0 {
		encodeMXE4M3BF16AVX512(&codes[0], &src[0], &factor[0], wide)
	}
	if i := 4 * wide; narrow > 0 {
		encodeMXE4M3BF16AVX2(&codes[i*NVFP4Block], &src[i*NVFP4Block], &factor[i], narrow)
	}
	return 4*wide + 2*narrow
}

func encodeMXE5M2Fast(codes []uint8, src, factor []float32) int {
	wide, narrow := mxGroups(len(factor), 4, 2)
	if wide > 0 {
		encodeMXE5M2AVX512(&codes[0], &src[0], &factor[0], wide)
	}
	if i := 4 * wide; narrow > 0 {
		encodeMXE5M2AVX2(&codes[i*NVFP4Block], &src[i*NVFP4Block], &factor[i], narrow)
	}
	return 4*wide + 2*narrow
}

func encodeMXE5M2BF16Fast(codes []uint8, src []uint16, factor []float32) int {
	wide, narrow := mxGroups(len(factor), 4, 2)
	if wide > 0 {
		encodeMXE5M2BF16AVX512(&codes[0], &src[0], &factor[0], wide)
	}
	if i := 4 * wide; narrow > 0 {
		encodeMXE5M2BF16AVX2(&codes[i*NVFP4Block], &src[i*NVFP4Block], &factor[i], narrow)
	}
	return 4*wide + 2*narrow
}

func decodeMXE4M3Fast(dst []float32, codes []uint8, mult []float32) int {
	wide, narrow := mxGroups(len(mult), 4, 2)
	if wide > 0 {
		decodeMXE4M3AVX512(&dst[0], &codes[0], &mult[0], wide)
	}
	if i := 4 * wide; narrow > 0 {
		decodeMXE4M3AVX2(&dst[i*NVFP4Block], &codes[i*NVFP4Block], &mult[i], narrow)
	}
	return 4*wide + 2*narrow
}

func decodeMXE5M2Fast(dst []float32, codes []uint8, mult []float32) int {
	wide, narrow := mxGroups(len(mult), 4, 2)
	if wide > 0 {
		decodeMXE5M2AVX512(&dst[0], &codes[0], &mult[0], wide)
	}
	if i := 4 * wide; narrow > 0 {
		decodeMXE5M2AVX2(&dst[i*NVFP4Block], &codes[i*NVFP4Block], &mult[i], narrow)
	}
	return 4*wide + 2*narrow
}

package kernel

//go:generate env GOWORK=off go -C _asm run ./mx -out ../zmx_amd64.s -stubs ../zmx_amd64.go -pkg kernel
//go:generate env GOWORK=off go -C _asm run ./arm64/mx -out ../zmx_arm64.s -stubs ../zmx_arm64.go -pkg kernel

// The MX formats in the steps of NVFP4, of which the second depends on the
// recipe. Blocks of 32 values take part as two halves: there are two maxima and
// two equal factors a block, as BlockAMax and the encoders for blocks of 16 have
// them.
//
// A caller works in chunks of at most MXChunk blocks.

// Sizes of MX, in values and blocks.
const (
	MXBlock = 32
	MXChunk = NVFP4Chunk / 2
)

// MXScale is a scale rule: what becomes of the largest magnitude of a block, given
// by its exponent field e and its mantissa m.
type MXScale struct {
	// Steps has the scale's byte, (m + Steps[e]) >> 23: it grows with the
	// magnitude, by at most 1 where the exponent does not change. NaN gives 0xFF
	// whatever stands there.
	Steps [256]uint32
	// Values are multiplied with 2^(127-byte), but with these for bytes 0 and 0xFF.
	Zero, NaN float32
}

// MXScales sets the E8M0 scales of blocks, and the factors that values are
// multiplied with, for the maxima amax of their halves. It reports whether a block
// is NaN.
func MXScales(scales []uint8, factor, amax []float32, rule *MXScale) (nan bool) {
	n, nan := mxScalesFast(scales, factor, amax, rule)
	rest := mxScalesGeneric(scales[n:], factor[2*n:], amax[2*n:], rule)
	return nan || rest
}

// MXMultipliers sets both of a block's multipliers to the value of its scale.
func MXMultipliers(mult []float32, scales []uint8) {
	n := mxMultipliersFast(mult, scales)
	mxMultipliersGeneric(mult[2*n:], scales[n:])
}

// The encoders below multiply each value by the factor of its half of a block and
// round the product v to nearest, ties to even. Magnitudes above the largest
// saturate. The caller says whether v may be NaN, since a factor is 0 or NaN or a
// value NaN; that is slow.

// EncodeMXE2M1 sets codes, two a byte, to E2M1FromFloat32(v).
func EncodeMXE2M1(codes []byte, src, factor []float32, nan bool) {
	n := 0
	if !nan {
		n = encodeMXE2M1Fast(codes, src, factor)
	}
	encodeMXE2M1Generic(codes[n*NVFP4BlockBytes:], src[n*NVFP4Block:], factor[n:])
}

// EncodeMXE2M1BF16 is EncodeMXE2M1 of BF16 values.
func EncodeMXE2M1BF16(codes []byte, src []uint16, factor []float32, nan bool) {
	n := 0
	if !nan {
		n = encodeMXE2M1BF16Fast(codes, src, factor)
	}
	encodeMXE2M1BF16Generic(codes[n*NVFP4BlockBytes:], src[n*NVFP4Block:], factor[n:])
}

// EncodeMXE4M3 sets codes to E4M3FromFloat32(v).
func EncodeMXE4M3(codes []uint8, src, factor []float32, nan bool) {
	n := 0
	if !nan {
		n = encodeMXE4M3Fast(codes, src, factor)
	}
	encodeMXE4M3Generic(codes[n*NVFP4Block:], src[n*NVFP4Block:], factor[n:])
}

// EncodeMXE4M3BF16 is EncodeMXE4M3 of BF16 values.
func EncodeMXE4M3BF16(codes []uint8, src []uint16, factor []float32, nan bool) {
	n := 0
	if !nan {
		n = encodeMXE4M3BF16Fast(codes, src, factor)
	}
	encodeMXE4M3BF16Generic(codes[n*NVFP4Block:], src[n*NVFP4Block:], factor[n:])
}

// EncodeMXE5M2 sets codes to E5M2FromFloat32(v).
func EncodeMXE5M2(codes []uint8, src, factor []float32, nan bool) {
	n := 0
	if !nan {
		n = encodeMXE5M2Fast(codes, src, factor)
	}
	encodeMXE5M2Generic(codes[n*NVFP4Block:], src[n*NVFP4Block:], factor[n:])
}

// EncodeMXE5M2BF16 is EncodeMXE5M2 of BF16 values.
func EncodeMXE5M2BF16(codes []uint8, src []uint16, factor []float32, nan bool) {
	n := 0
	if !nan {
		n = encodeMXE5M2BF16Fast(codes, src, factor)
	}
	encodeMXE5M2BF16Generic(codes[n*NVFP4Block:], src[n*NVFP4Block:], factor[n:])
}

// DecodeMXE4M3 sets dst to the codes' values times the multiplier of their half of
// a block, rounded. NaN in either gives NaN.
func DecodeMXE4M3(dst []float32, codes []uint8, mult []float32) {
	n := decodeMXE4M3Fast(dst, codes, mult)
	decodeMXGeneric(dst[n*NVFP4Block:], codes[n*NVFP4Block:], mult[n:], &e4m3Values)
}

// DecodeMXE5M2 is DecodeMXE4M3 for E5M2.
func DecodeMXE5M2(dst []float32, codes []uint8, mult []float32) {
	n := decodeMXE5M2Fast(dst, codes, mult)
	decodeMXGeneric(dst[n*NVFP4Block:], codes[n*NVFP4Block:], mult[n:], &e5m2Values)
}

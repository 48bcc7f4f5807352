package kernel

//go:generate env GOWORK=off go -C _asm run ./nvfp4 -out ../znvfp4_amd64.s -stubs ../znvfp4_amd64.go -pkg kernel
//go:generate env GOWORK=off go -C _asm run ./arm64/nvfp4 -out ../znvfp4_arm64.s -stubs ../znvfp4_arm64.go -pkg kernel

// NVFP4 in steps of which only the second depends on the recipe: the maxima of
// the blocks, from them the blocks' scales and the numbers that values are
// divided by or multiplied with, then the codes. In all of them block i is values
// 16i to 16i+15, codes[8i:8i+8] (the even column in the low nibble), and element
// i of the slices that have one element a block. len(codes) is 8 times, the
// number of values 16 times the number of blocks.
//
// A caller works in chunks of at most NVFP4Chunk blocks, so that a chunk's values
// stay in the L1 cache between the steps, and no call holds up the scheduler. Of
// BlockMultipliers and decoding, NVFP4DecodeChunk blocks do.

// Sizes of NVFP4, in values, bytes and blocks.
const (
	NVFP4Block       = 16
	NVFP4BlockBytes  = NVFP4Block / 2
	NVFP4Chunk       = 128
	NVFP4DecodeChunk = 512
)

// BlockAMax sets amax[i] to the largest magnitude in block i of src: NaN if it
// holds a NaN, else +Inf if it holds an infinity.
func BlockAMax(amax, src []float32) {
	n := blockAMaxFast(amax, src)
	blockAMaxGeneric(amax[n:], src[n*NVFP4Block:])
}

// BlockAMaxBF16 is BlockAMax of BF16 values.
func BlockAMaxBF16(amax []float32, src []uint16) {
	n := blockAMaxBF16Fast(amax, src)
	blockAMaxBF16Generic(amax[n:], src[n*NVFP4Block:])
}

// ScalesModelOpt sets the E4M3 scales and the divisors of blocks with the maxima
// amax, for a tensor scale g ≥ 0 (or NaN):
//
//	q = amax/(6*g); if q == 0 { q = 1 }
//	scale = e4m3(max(q, 2^-9)), div = scale*g
//
// With zeroIsOne also amax == 0 makes q 1, where g is 0. NaN stays NaN.
func ScalesModelOpt(scales []uint8, div, amax []float32, g float32, zeroIsOne bool) {
	n := scalesModelOptFast(scales, div, amax, g, zeroIsOne)
	scalesModelOptGeneric(scales[n:], div[n:], amax[n:], g, zeroIsOne)
}

// ScalesTE sets the E4M3 scales and the multipliers of blocks with the maxima
// amax, for a global scale s > 0:
//
//	scale = e4m3(amax*(s*(1/6))), mult = min(1/(scale*(1/s)), MaxFloat32)
//
// NaN stays NaN.
func ScalesTE(scales []uint8, mult, amax []float32, s float32) {
	n := scalesTEFast(scales, mult, amax, s)
	scalesTEGeneric(scales[n:], mult[n:], amax[n:], s)
}

// EncodeE2M1Div sets each code to that of v = x/div, the quotient rounded to
// float32: nearest, ties to the even code, saturating at 6, the sign bit set if
// and only if v < 0. NaN gives 7.
func EncodeE2M1Div(codes []byte, src, div []float32) {
	n := encodeE2M1DivFast(codes, src, div)
	encodeE2M1DivGeneric(codes[n*NVFP4BlockBytes:], src[n*NVFP4Block:], div[n:])
}

// EncodeE2M1DivBF16 is EncodeE2M1Div of BF16 values.
func EncodeE2M1DivBF16(codes []byte, src []uint16, div []float32) {
	n := encodeE2M1DivBF16Fast(codes, src, div)
	encodeE2M1DivBF16Generic(codes[n*NVFP4BlockBytes:], src[n*NVFP4Block:], div[n:])
}

// EncodeE2M1Mul is EncodeE2M1Div with v = x*mult, and with code 0 for NaN.
func EncodeE2M1Mul(codes []byte, src, mult []float32) {
	n := encodeE2M1MulFast(codes, src, mult)
	encodeE2M1MulGeneric(codes[n*NVFP4BlockBytes:], src[n*NVFP4Block:], mult[n:])
}

// EncodeE2M1MulBF16 is EncodeE2M1Mul of BF16 values.
func EncodeE2M1MulBF16(codes []byte, src []uint16, mult []float32) {
	n := encodeE2M1MulBF16Fast(codes, src, mult)
	encodeE2M1MulBF16Generic(codes[n*NVFP4BlockBytes:], src[n*NVFP4Block:], mult[n:])
}

// BlockMultipliers sets mult[i] = (scales[i]*a)*b, each product rounded. A NaN
// gives a NaN.
func BlockMultipliers(mult []float32, scales []uint8, a, b float32) {
	n := blockMultipliersFast(mult, scales, a, b)
	blockMultipliersGeneric(mult[n:], scales[n:], a, b)
}

// DecodeE2M1 sets dst to the codes' values times their block's multiplier,
// rounded. Code 8 stands for -0 if negativeZero is set, else for +0. A NaN
// multiplier gives NaN.
func DecodeE2M1(dst []float32, codes []byte, mult []float32, negativeZero bool) {
	n := decodeE2M1Fast(dst, codes, mult, negativeZero, false)
	decodeE2M1Generic(dst[n*NVFP4Block:], codes[n*NVFP4BlockBytes:], mult[n:], negativeZero)
}

// DecodeE2M1Streaming is DecodeE2M1 for a dst that is part of what is much larger
// than the caches: where it can, it writes around them. That is faster, for memory
// need not be read to be written, unless what is written is soon read.
func DecodeE2M1Streaming(dst []float32, codes []byte, mult []float32, negativeZero bool) {
	n := decodeE2M1Fast(dst, codes, mult, negativeZero, true)
	decodeE2M1Generic(dst[n*NVFP4Block:], codes[n*NVFP4BlockBytes:], mult[n:], negativeZero)
}

// DecodeE2M1BF16 is DecodeE2M1 with each product, rounded to float32, rounded to
// BF16 by BF16FromFloat32.
func DecodeE2M1BF16(dst []uint16, codes []byte, mult []float32, negativeZero bool) {
	n := decodeE2M1BF16Fast(dst, codes, mult, negativeZero, false)
	decodeE2M1BF16Generic(dst[n*NVFP4Block:], codes[n*NVFP4BlockBytes:], mult[n:], negativeZero)
}

// DecodeE2M1BF16Streaming is DecodeE2M1BF16 as DecodeE2M1Streaming writes.
func DecodeE2M1BF16Streaming(dst []uint16, codes []byte, mult []float32, negativeZero bool) {
	n := decodeE2M1BF16Fast(dst, codes, mult, negativeZero, true)
	decodeE2M1BF16Generic(dst[n*NVFP4Block:], codes[n*NVFP4BlockBytes:], mult[n:], negativeZero)
}

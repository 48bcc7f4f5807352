package kernel

//go:generate env GOWORK=off go -C _asm run ./fp8 -out ../zfp8_amd64.s -stubs ../zfp8_amd64.go -pkg kernel
//go:generate env GOWORK=off go -C _asm run ./arm64/fp8 -out ../zfp8_arm64.s -stubs ../zfp8_arm64.go -pkg kernel

import "math"

// In this file the lengths of dst and src are equal, and encoding saturates: it
// is that of E4M3FromFloat32 and E5M2FromFloat32.

// EncodeE4M3 sets dst[i] = E4M3FromFloat32(src[i]).
func EncodeE4M3(dst []uint8, src []float32) {
	ScaleE4M3(dst, src, 1) // exact; a NaN stays a NaN, and all of them have one code
}

// EncodeE5M2 sets dst[i] = E5M2FromFloat32(src[i]).
func EncodeE5M2(dst []uint8, src []float32) {
	ScaleE5M2(dst, src, 1)
}

// ScaleE4M3 sets dst[i] = E4M3FromFloat32(src[i]·mult), the product rounded to
// float32.
func ScaleE4M3(dst []uint8, src []float32, mult float32) {
	n := scaleE4M3Fast(dst, src, mult)
	scaleE4M3Generic(dst[n:], src[n:], mult)
}

// ScaleE5M2 sets dst[i] = E5M2FromFloat32(src[i]·mult), the product rounded to
// float32.
func ScaleE5M2(dst []uint8, src []float32, mult float32) {
	n := scaleE5M2Fast(dst, src, mult)
	scaleE5M2Generic(dst[n:], src[n:], mult)
}

// QuantizeE4M3 sets dst[i] = E4M3FromFloat32(src[i]/scale), the quotient rounded
// to float32.
func QuantizeE4M3(dst []uint8, src []float32, scale float32) {
	if mult, ok := reciprocal(scale); ok {
		ScaleE4M3(dst, src, mult)
		return
	}
	n := quantizeE4M3Fast(dst, src, scale)
	quantizeE4M3Generic(dst[n:], src[n:], scale)
}

// QuantizeE5M2 sets dst[i] = E5M2FromFloat32(src[i]/scale), the quotient rounded
// to float32.
func QuantizeE5M2(dst []uint8, src []float32, scale float32) {
	if mult, ok := reciprocal(scale); ok {
		ScaleE5M2(dst, src, mult)
		return
	}
	n := quantizeE5M2Fast(dst, src, scale)
	quantizeE5M2Generic(dst[n:], src[n:], scale)
}

// reciprocal returns 1/scale if scale is a power of two, of either sign, and both
// are normal. Then x/scale and x·(1/scale) are the same real number, rounded
// once: the same bits, also where the result is subnormal or overflows.
func reciprocal(scale float32) (mult float32, ok bool) {
	const mantissa = 1<<23 - 1
	u := math.Float32bits(scale)
	e := u >> 23 & 0xFF
	if u&mantissa != 0 || e == 0 || e >= 254 {
		return 0, false
	}
	return math.Float32frombits(u&f32Sign | (254-e)<<23), true
}

// DecodeE4M3 sets dst[i] = E4M3ToFloat32(src[i])·mult, rounded once. A product
// that is NaN is the quiet one without payload, with the sign of src[i].
func DecodeE4M3(dst []float32, src []uint8, mult float32) {
	n := 0
	if makesNoNaN(mult) {
		n = decodeE4M3Fast(dst, src, mult)
	}
	decodeE4M3Generic(dst[n:], src[n:], mult)
}

// DecodeE5M2 sets dst[i] = E5M2ToFloat32(src[i])·mult, rounded once. A product
// that is NaN is the quiet one without payload, with the sign of src[i].
func DecodeE5M2(dst []float32, src []uint8, mult float32) {
	n := 0
	if makesNoNaN(mult) {
		n = decodeE5M2Fast(dst, src, mult)
	}
	decodeE5M2Generic(dst[n:], src[n:], mult)
}

// makesNoNaN reports whether mult is finite and not 0, so that a product with it
// is NaN only where the other factor is. Processors differ in the NaN they make
// of 0·∞, and in the one they keep of two.
func makesNoNaN(mult float32) bool { return mult != 0 && mult-mult == 0 }

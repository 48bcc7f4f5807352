// Package fp16 converts slices between float32 and IEEE 754 binary16, the type
// [github.com/x448/float16.Float16]: 1 sign bit, 5 exponent bits (bias 15) and 10 mantissa bits.
// That package has the scalar conversions, the predicates and the bits.
//
//	Inf 0x7C00   NaN 0x7C01–0x7FFF   largest finite 0x7BFF   smallest normal 0x0400
//
// Some trainers run in FP16: their log-probabilities and weights arrive in this type.
package fp16

import "github.com/x448/float16"

// Limits of the format. Each is exact in float32.
const (
	Max             = 65504   // largest finite value, 0x7BFF
	SmallestNormal  = 0x1p-14 // 0x0400
	SmallestNonzero = 0x1p-24 // 0x0001, subnormal
	Epsilon         = 0x1p-10 // distance from 1 to the next larger value
)

const badLength = "fp16: lengths of dst and src differ"

// Encode sets dst[i] to src[i] rounded to the nearest binary16, ties to even; magnitudes of 65520
// and above become infinite. It panics if the lengths differ.
//
// A NaN stays a NaN with its sign and upper payload bits, made quiet, as in torch 2.15; NumPy keeps
// a signalling NaN signalling.
func Encode(dst []float16.Float16, src []float32) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	for i, f := range src {
		dst[i] = float16.Fromfloat32(f)
	}
}

// Decode sets dst[i] to the value of src[i], which float32 holds exactly. A NaN keeps its sign and
// payload and is made quiet. Decode panics if the lengths differ.
func Decode(dst []float32, src []float16.Float16) {
	if len(dst) != len(src) {
		panic(badLength)
	}
	for i, h := range src {
		dst[i] = h.Float32()
	}
}

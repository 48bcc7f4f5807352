// Package fp8 implements the 8-bit floats E4M3 and E5M2 of the OCP 8-bit Floating Point
// Specification 1.0, and tensors of them with one scale.
//
//	      sign/exp/mantissa  bias  largest finite  smallest normal  smallest  Inf         NaN
//	E4M3  1/4/3              7     448 (0x7E)      2^-6  (0x08)     2^-9      none        0x7F 0xFF
//	E5M2  1/5/2              15    57344 (0x7B)    2^-14 (0x04)     2^-16     0x7C 0xFC   0x7D–0x7F 0xFD–0xFF
//
// E4M3 is the variant that others call e4m3fn. Encoding rounds to nearest, ties to even, and comes
// in two kinds that differ above the largest finite value: the plain functions saturate, as a
// quantizer must, and those named NoSat overflow. Decoding is exact.
//
// With one scale for many values, x ≈ q × scale. [QuantizeE4M3] and its like take a scale and slices. A
// [Tensor] is a matrix with a scale for each of its tiles: the whole, rows, 1×128, 128×128 or 1×32.
// Implementations differ in the bits of scales and codes; a [Recipe] names one of them:
//
//	t := fp8.New(rows, cols, fp8.DeepGEMM, fp8.Tile128x128, fp8.FormatE4M3)
//	fp8.Quantize(t, w, fp8.AMax(w))
//	fp8.Dequantize(w, t)
//
// A result is a function of the input and the recipe alone, with the same bits on every platform: all
// codes, and all float32 values but the sign and payload of a NaN. Matrices that an inference engine
// fuses (q, k and v; gate and up) and that have one scale each must share it: quantize them with the
// maximum of their AMax.
//
// [E4M3FNUZ] and [E5M2FNUZ] are AMD's variants of the formats, and [E8M0] is a scale: a power of two.
//
// Only New, Recipes and Tiles allocate.
package fp8

// Limits of E4M3. Each is exact in float32.
const (
	MaxE4M3             = 448    // largest value, 0x7E
	SmallestNormalE4M3  = 0x1p-6 // 0x08
	SmallestNonzeroE4M3 = 0x1p-9 // 0x01, subnormal
)

// Limits of E5M2. Each is exact in float32.
const (
	MaxE5M2             = 57344   // largest finite value, 0x7B
	SmallestNormalE5M2  = 0x1p-14 // 0x04
	SmallestNonzeroE5M2 = 0x1p-16 // 0x01, subnormal
)

const (
	signMask = 0x80
	magMask  = 0x7F
)

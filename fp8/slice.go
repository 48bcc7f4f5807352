package fp8

import (
	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// EncodeE4M3 sets dst[i] = E4M3FromFloat32(src[i]). It panics if the lengths differ.
func EncodeE4M3(dst []E4M3, src []float32) {
	sameLength(len(dst), len(src))
	kernel.EncodeE4M3(kernel.Bytes(dst), src)
}

// EncodeE5M2 sets dst[i] = E5M2FromFloat32(src[i]). It panics if the lengths differ.
func EncodeE5M2(dst []E5M2, src []float32) {
	sameLength(len(dst), len(src))
	kernel.EncodeE5M2(kernel.Bytes(dst), src)
}

// EncodeE4M3NoSat sets dst[i] = E4M3FromFloat32NoSat(src[i]). It panics if the lengths differ.
func EncodeE4M3NoSat(dst []E4M3, src []float32) {
	sameLength(len(dst), len(src))
	for i, f := range src {
		dst[i] = E4M3FromFloat32NoSat(f)
	}
}

// EncodeE5M2NoSat sets dst[i] = E5M2FromFloat32NoSat(src[i]). It panics if the lengths differ.
func EncodeE5M2NoSat(dst []E5M2, src []float32) {
	sameLength(len(dst), len(src))
	for i, f := range src {
		dst[i] = E5M2FromFloat32NoSat(f)
	}
}

// DecodeE4M3 sets dst[i] = src[i].Float32(), exactly. It panics if the lengths differ.
func DecodeE4M3(dst []float32, src []E4M3) { DequantizeE4M3(dst, src, 1) }

// DecodeE5M2 sets dst[i] = src[i].Float32(), exactly. It panics if the lengths differ.
func DecodeE5M2(dst []float32, src []E5M2) { DequantizeE5M2(dst, src, 1) }

// QuantizeE4M3 sets dst[i] = E4M3FromFloat32(x[i] / scale): one division and one rounding to
// E4M3, both to nearest even, saturating. It is the arithmetic of ModelOpt 0.47.0 and
// compressed-tensors 0.20.0 on float32 tensors, and of torchao 0.18.0's affine float8 on all.
//
// An infinity gives ±448; a NaN, a scale of NaN, 0/0 and Inf/Inf give 0x7F, a NaN. QuantizeE4M3
// panics if the lengths differ.
func QuantizeE4M3(dst []E4M3, x []float32, scale float32) {
	sameLength(len(dst), len(x))
	kernel.QuantizeE4M3(kernel.Bytes(dst), x, scale)
}

// QuantizeE5M2 is QuantizeE4M3 for E5M2: dst[i] = E5M2FromFloat32(x[i] / scale), where infinities
// saturate too.
func QuantizeE5M2(dst []E5M2, x []float32, scale float32) {
	sameLength(len(dst), len(x))
	kernel.QuantizeE5M2(kernel.Bytes(dst), x, scale)
}

// QuantizeE4M3BF16 is QuantizeE4M3 of the float32 values of x.
func QuantizeE4M3BF16(dst []E4M3, x []bf16.BF16, scale float32) {
	sameLength(len(dst), len(x))
	kernel.QuantizeE4M3BF16(kernel.Bytes(dst), kernel.Words(x), scale)
}

// QuantizeE5M2BF16 is QuantizeE5M2 of the float32 values of x.
func QuantizeE5M2BF16(dst []E5M2, x []bf16.BF16, scale float32) {
	sameLength(len(dst), len(x))
	encodeHalf(kernel.Bytes(dst), x, divide, FormatE5M2, []float32{scale})
}

// QuantizeE4M3FP16 is QuantizeE4M3 of the float32 values of x.
func QuantizeE4M3FP16(dst []E4M3, x []float16.Float16, scale float32) {
	sameLength(len(dst), len(x))
	encodeHalf(kernel.Bytes(dst), x, divide, FormatE4M3, []float32{scale})
}

// QuantizeE5M2FP16 is QuantizeE5M2 of the float32 values of x.
func QuantizeE5M2FP16(dst []E5M2, x []float16.Float16, scale float32) {
	sameLength(len(dst), len(x))
	encodeHalf(kernel.Bytes(dst), x, divide, FormatE5M2, []float32{scale})
}

// DequantizeE4M3 sets dst[i] = q[i].Float32() * scale, rounded once. A NaN in q or as the scale
// gives NaN. It panics if the lengths differ.
func DequantizeE4M3(dst []float32, q []E4M3, scale float32) {
	sameLength(len(dst), len(q))
	kernel.DecodeE4M3(dst, kernel.Bytes(q), scale)
}

// DequantizeE5M2 sets dst[i] = q[i].Float32() * scale, rounded once. Infinities stay infinite unless
// the scale is 0 or NaN, which gives NaN, as does a NaN in q. It panics if the lengths differ.
func DequantizeE5M2(dst []float32, q []E5M2, scale float32) {
	sameLength(len(dst), len(q))
	kernel.DecodeE5M2(dst, kernel.Bytes(q), scale)
}

func sameLength(dst, src int) {
	if dst != src {
		panic("fp8: lengths of dst and src differ")
	}
}

package fp8

import (
	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// ScaleE4M3 returns the scale with which amax, the largest magnitude of a tensor ([AMax]), becomes
// E4M3's 448: amax/448, rounded once. It multiplies when decoding.
//
// Where that is 0, since amax is or since it underflows, the scale is 1, and every code a zero. If
// amax is NaN or infinite, so is the scale, and the tensor decodes to NaN throughout: a value that
// one scale cannot carry does not pass for a number.
func ScaleE4M3(amax float32) float32 { return scale(amax, MaxE4M3) }

// ScaleE5M2 is ScaleE4M3 for E5M2: amax/57344, and 1 where that is 0.
func ScaleE5M2(amax float32) float32 { return scale(amax, MaxE5M2) }

func scale(amax, limit float32) float32 {
	if s := amax / limit; s != 0 {
		return s
	}
	return 1
}

// QuantizeE4M3 sets dst[i] = E4M3FromFloat32(x[i] / scale): one division and one rounding to
// E4M3, both to nearest even, saturating. It is the arithmetic of ModelOpt 0.47.0 and
// compressed-tensors 0.20.0 on float32 tensors, and of torchao 0.18.0's affine float8 on all.
//
// An infinity gives ±448; a NaN, a scale of NaN, 0/0 and Inf/Inf give 0x7F, a NaN. QuantizeE4M3
// panics if the lengths differ.
func QuantizeE4M3(dst []E4M3, x []float32, scale float32) {
	if len(dst) != len(x) {
		panic(badLength)
	}
	kernel.QuantizeE4M3(kernel.Bytes(dst), x, scale)
}

// QuantizeE4M3BF16 is QuantizeE4M3 of the float32 values of x.
func QuantizeE4M3BF16(dst []E4M3, x []bf16.BF16, scale float32) {
	quantizeHalf(dst, x, scale)
}

// QuantizeE4M3FP16 is QuantizeE4M3 of the float32 values of x.
func QuantizeE4M3FP16(dst []E4M3, x []float16.Float16, scale float32) {
	quantizeHalf(dst, x, scale)
}

// DequantizeE4M3 sets dst[i] = q[i].Float32() * scale, rounded once. A NaN in q or as the scale
// gives NaN. It panics if the lengths differ.
func DequantizeE4M3(dst []float32, q []E4M3, scale float32) {
	if len(dst) != len(q) {
		panic(badLength)
	}
	kernel.DecodeE4M3(dst, kernel.Bytes(q), scale)
}

// QuantizeE5M2 is QuantizeE4M3 for E5M2: dst[i] = E5M2FromFloat32(x[i] / scale), where infinities
// saturate too.
func QuantizeE5M2(dst []E5M2, x []float32, scale float32) {
	if len(dst) != len(x) {
		panic(badLength)
	}
	kernel.QuantizeE5M2(kernel.Bytes(dst), x, scale)
}

// QuantizeE5M2BF16 is QuantizeE5M2 of the float32 values of x.
func QuantizeE5M2BF16(dst []E5M2, x []bf16.BF16, scale float32) {
	quantizeHalf(dst, x, scale)
}

// QuantizeE5M2FP16 is QuantizeE5M2 of the float32 values of x.
func QuantizeE5M2FP16(dst []E5M2, x []float16.Float16, scale float32) {
	quantizeHalf(dst, x, scale)
}

// DequantizeE5M2 sets dst[i] = q[i].Float32() * scale, rounded once. Infinities stay infinite unless
// the scale is 0 or NaN, which gives NaN, as does a NaN in q. It panics if the lengths differ.
func DequantizeE5M2(dst []float32, q []E5M2, scale float32) {
	if len(dst) != len(q) {
		panic(badLength)
	}
	kernel.DecodeE5M2(dst, kernel.Bytes(q), scale)
}

// quantizeHalf quantizes the float32 values of x, a stack buffer of them at a time.
func quantizeHalf[Q E4M3 | E5M2, H bf16.BF16 | float16.Float16](dst []Q, x []H, scale float32) {
	if len(dst) != len(x) {
		panic(badLength)
	}
	var buffer [1024]float32
	for len(x) > 0 {
		n := min(len(x), len(buffer))
		wide := buffer[:n]
		switch x := any(x[:n]).(type) {
		case []bf16.BF16:
			bf16.Decode(wide, x)
		case []float16.Float16:
			for i, h := range x {
				wide[i] = h.Float32()
			}
		}
		switch dst := any(dst[:n]).(type) {
		case []E4M3:
			QuantizeE4M3(dst, wide, scale)
		case []E5M2:
			QuantizeE5M2(dst, wide, scale)
		}
		dst, x = dst[n:], x[n:]
	}
}

package fp8_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp4"
	"github.com/trueup-rl/trueup/fp6"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/mx"
)

// elemCasts holds what each peer's cast equals, NaN being one class.
var elemCasts = map[string]func(in []float32) (codes []uint32){
	"e4m3fn/torch_to":           each(fp8.E4M3FromFloat32),
	"e4m3fn/ml_dtypes_astype":   each(fp8.E4M3FromFloat32NoSat),
	"e5m2/torch_to":             each(fp8.E5M2FromFloat32NoSat),
	"e5m2/ml_dtypes_astype":     each(fp8.E5M2FromFloat32NoSat),
	"e4m3fnuz/torch_to":         each(fp8.E4M3FNUZFromFloat32NoSat),
	"e4m3fnuz/ml_dtypes_astype": each(fp8.E4M3FNUZFromFloat32NoSat),
	"e5m2fnuz/torch_to":         each(fp8.E5M2FNUZFromFloat32NoSat),
	"e5m2fnuz/ml_dtypes_astype": each(fp8.E5M2FNUZFromFloat32NoSat),
	"e8m0/torch_to":             each(fp8.E8M0FromFloat32),
	"e8m0/ml_dtypes_astype":     each(fp8.E8M0FromFloat32Positive),

	"bf16/torch_to":                 each(bf16.FromFloat32),
	"bf16/ml_dtypes_astype":         each(bf16.FromFloat32),
	"fp16/torch_to":                 each(float16.Fromfloat32),
	"fp16/numpy_astype":             each(float16.Fromfloat32),
	"fp16/ml_dtypes_astype_via_f32": each(float16.Fromfloat32),
	"f32/numpy_bits":                each(math.Float32bits),

	"e2m1/ml_dtypes_astype":                          each(fp4.FromFloat32),
	"e2m1/torchao.f32_to_f4_unpacked":                each(fp4.FromFloat32),
	"e2m1/modelopt.NVFP4QTensor._cast_fp4":           e2m1Of(kernel.EncodeE2M1Div),
	"e2m1/te.cast_to_fp4x2_after_clamp":              e2m1Of(kernel.EncodeE2M1Mul),
	"e2m1/compressed_tensors.cast_to_fp4_clamp_pack": e2m1Of(kernel.EncodeE2M1Mul),
	"e2m3/ml_dtypes_astype":                          each(fp6.E2M3FromFloat32),
	"e2m3/torchao.f32_to_f6_e2m3_unpacked":           each(fp6.E2M3FromFloat32),
	"e3m2/ml_dtypes_astype":                          each(fp6.E3M2FromFloat32),
	"e3m2/torchao.f32_to_f6_e3m2_unpacked":           each(fp6.E3M2FromFloat32),

	"e2m1/deepgemm._quantize_to_fp4_e2m1": func(in []float32) []uint32 {
		return e2m1OfMX(in, mx.DeepGEMM, func(f float32) float32 { return max(-6, min(f, 6)) })
	},
	"e2m1/modelopt.MXFP4QTensor.quantize_absle6_else0": func(in []float32) []uint32 {
		return e2m1OfMX(in, mx.ModelOpt, func(f float32) float32 {
			if f < -6 || f > 6 {
				return 0
			}
			return f
		})
	},
}

// each returns the cast of values one by one.
func each[Q ~uint8 | ~uint16 | ~uint32](cast func(float32) Q) func([]float32) []uint32 {
	return func(in []float32) []uint32 {
		codes := make([]uint32, len(in))
		for i, f := range in {
			codes[i] = uint32(cast(f))
		}
		return codes
	}
}

// e2m1Of returns the cast that a kernel of package nvfp4 does with a factor of 1.
func e2m1Of(encode func(codes []byte, x, factor []float32)) func([]float32) []uint32 {
	return func(in []float32) []uint32 {
		const block = 16
		blocks := (len(in) + block - 1) / block
		x, factor, packed := make([]float32, blocks*block), make([]float32, blocks), make([]byte, blocks*block/2)
		copy(x, in)
		for i := range factor {
			factor[i] = 1
		}
		encode(packed, x, factor)
		return nibbles(packed)[:len(in)]
	}
}

// e2m1OfMX returns the codes that a recipe of package mx gives in blocks whose largest magnitude, 6,
// makes the scale 1. NaN counts as 0.
func e2m1OfMX(in []float32, r mx.Recipe, limit func(float32) float32) (codes []uint32) {
	const values = mx.BlockSize - 1
	blocks := (len(in) + values - 1) / values
	x := make([]float32, blocks*mx.BlockSize)
	for i := range x {
		if k := i/mx.BlockSize*values + i%mx.BlockSize; i%mx.BlockSize == values {
			x[i] = 6
		} else if k < len(in) && in[k] == in[k] {
			x[i] = limit(in[k])
		}
	}
	q := mx.New(blocks, mx.BlockSize, r, mx.E2M1)
	mx.Quantize(q, x)
	for i, c := range nibbles(q.Codes) {
		if i%mx.BlockSize != values {
			codes = append(codes, c)
		}
	}
	return codes[:len(in)]
}

func nibbles(packed []byte) (codes []uint32) {
	for _, b := range packed {
		codes = append(codes, uint32(b&0xF), uint32(b>>4))
	}
	return codes
}

// elemNaN tells the NaNs of the formats that have any. The NaN of a format without them depends on
// the peer, and on its sign and payload.
var elemNaN = map[string]func(uint32) bool{
	"e4m3fn":   func(b uint32) bool { return fp8.E4M3(b).IsNaN() },
	"e5m2":     func(b uint32) bool { return fp8.E5M2(b).IsNaN() },
	"e4m3fnuz": func(b uint32) bool { return fp8.E4M3FNUZ(b).IsNaN() },
	"e5m2fnuz": func(b uint32) bool { return fp8.E5M2FNUZ(b).IsNaN() },
	"e8m0":     func(b uint32) bool { return fp8.E8M0(b).IsNaN() },
	"bf16":     func(b uint32) bool { return bf16.FromBits(uint16(b)).IsNaN() },
	"fp16":     func(b uint32) bool { return float16.Frombits(uint16(b)).IsNaN() },
	"f32":      func(b uint32) bool { return b&^(1<<31) > 0x7F80_0000 },
}

// elemDecoders returns the value of a code.
var elemDecoders = map[string]func(uint32) float32{
	"e2m1":     func(b uint32) float32 { return fp4.E2M1(b).Float32() },
	"e2m3":     func(b uint32) float32 { return fp6.E2M3(b).Float32() },
	"e3m2":     func(b uint32) float32 { return fp6.E3M2(b).Float32() },
	"e4m3fn":   func(b uint32) float32 { return fp8.E4M3(b).Float32() },
	"e5m2":     func(b uint32) float32 { return fp8.E5M2(b).Float32() },
	"e4m3fnuz": func(b uint32) float32 { return fp8.E4M3FNUZ(b).Float32() },
	"e5m2fnuz": func(b uint32) float32 { return fp8.E5M2FNUZ(b).Float32() },
	"e8m0":     func(b uint32) float32 { return fp8.E8M0(b).Float32() },
}

// TestElemGolden compares all casts and tables of golden/formats/elem.
func TestElemGolden(t *testing.T) {
	golden.EachElem(t, func(t *testing.T, cast string, in []float32, want []uint32) {
		format, call, _ := strings.Cut(cast, "/")
		if in == nil {
			compareTable(t, want, format, call)
		} else {
			compareCast(t, want, cast, format, in)
		}
	})
}

func compareCast(t *testing.T, want []uint32, key, format string, in []float32) {
	cast, ok := elemCasts[key]
	require.True(t, ok, "no function for this cast")
	isNaN := elemNaN[format]
	for i, got := range cast(in) {
		f := in[i]
		switch {
		case got == want[i] || isNaN != nil && isNaN(got) && isNaN(want[i]):
		case isNaN == nil && f != f: // the format has no NaN
		default:
			t.Fatalf("%v (%#08x): got %#02x, want %#02x", f, math.Float32bits(f), got, want[i])
		}
	}
}

func compareTable(t *testing.T, want []uint32, format, call string) {
	decode, ok := elemDecoders[format]
	require.True(t, ok, "no function for this format")
	for code, w := range want {
		f := decode(uint32(code))
		got, nan := math.Float32bits(f), elemNaN["f32"]
		switch {
		case strings.HasSuffix(call, "_bf16_bits"):
			got, nan = uint32(bf16.FromFloat32(f)), elemNaN["bf16"]
		case strings.HasSuffix(call, "_fp16_bits"):
			got, nan = uint32(float16.Fromfloat32(f)), elemNaN["fp16"]
		}
		if got != w && !(nan(got) && nan(w)) {
			t.Errorf("%#02x: got %#x, want %#x", code, got, w)
		}
	}
}

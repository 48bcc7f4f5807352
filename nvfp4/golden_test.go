package nvfp4_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
	"github.com/trueup-rl/trueup/internal/safetensors"
	"github.com/trueup-rl/trueup/nvfp4"
)

// oracle says which recipe reproduces a file of peer vectors. It holds for every case in the file,
// NaN being one class in scales, in the tensor's scale and in dequantized values.
type oracle struct {
	recipe      nvfp4.Recipe
	tensorScale string // the field with the tensor's scale
}

var oracles = map[string]oracle{
	"modelopt_NVFP4QTensor": {nvfp4.ModelOpt, "scale_2"},
	"te_ref_1x16":           {nvfp4.TransformerEngine, "amax"},
}

// unsupported lists the peers that no recipe reproduces yet.
var unsupported = map[string]bool{
	"compressed_tensors_nvfp4_pack":       true,
	"flashinfer_testref_ref_fp4_quant":    true,
	"flashinfer_testref_te_exact":         true,
	"flashinfer_testref_te_per_token":     true,
	"fouroversix_ref_abs_max":             true,
	"fouroversix_ref_mae":                 true,
	"fouroversix_ref_mse":                 true,
	"fouroversix_ref_mse_2d":              true,
	"fouroversix_ref_mse_rht":             true,
	"fouroversix_ref_static6_2d":          true,
	"fouroversix_ref_static_4":            true,
	"fouroversix_ref_static_6":            true,
	"ggml_block_nvfp4":                    true,
	"qwantize_nvfp4_optimal_mse_scale":    true,
	"te_ref_16x16":                        true,
	"te_ref_16x16_padded_rows":            true,
	"te_ref_1x16_columnwise":              true,
	"te_ref_1x16_rht_signed":              true,
	"te_ref_1x16_rht_unsigned":            true,
	"te_ref_1x16_rowscaled":               true,
	"te_ref_4over6_mae_256":               true,
	"te_ref_4over6_mae_448":               true,
	"te_ref_4over6_mse_256":               true,
	"te_ref_4over6_mse_256_16x16":         true,
	"te_ref_4over6_mse_448":               true,
	"te_ref_4over6_mse_448_fastmath":      true,
	"torchao_NVFP4Tensor_one_level":       true,
	"torchao_NVFP4Tensor_swizzled_scales": true,
	"torchao_NVFP4Tensor_two_level":       true,
}

func TestGolden(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		dir := golden.Dir(t, "formats/nvfp4")
		inputs, err := safetensors.Open(filepath.Join(dir, "inputs.safetensors"))
		require.NoError(t, err)
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, entry := range entries {
			peer, ok := strings.CutSuffix(entry.Name(), ".safetensors")
			if !ok || peer == "inputs" || unsupported[peer] {
				continue
			}
			t.Run(peer, func(t *testing.T) {
				o, ok := oracles[peer]
				require.True(t, ok, "no recipe for this file; add it to oracles or to unsupported")
				file, err := safetensors.Open(filepath.Join(dir, entry.Name()))
				require.NoError(t, err)
				for _, name := range file.Names() {
					if c, ok := strings.CutSuffix(name, "/codes"); ok {
						t.Run(c, func(t *testing.T) {
							x := input(t, inputs, c)
							want := wanted(t, file, c, o, x)
							compare(t, want, x)
							if o.recipe == nvfp4.ModelOpt {
								compareDefault(t, want, x)
							}
						})
					}
				}
			})
		}
	})
}

// matrix is a case's input: the float32 values, and their BF16 form if the case is in BF16.
type matrix struct {
	rows, cols int
	f32        []float32
	bf16       []bf16.BF16
}

func input(t *testing.T, inputs *safetensors.File, c string) matrix {
	tensor, ok := inputs.Tensor(c)
	require.True(t, ok)
	require.Len(t, tensor.Shape, 2)
	x := matrix{rows: tensor.Shape[0], cols: tensor.Shape[1]}
	if tensor.DType == "F32" {
		var err error
		x.f32, err = inputs.F32(c)
		require.NoError(t, err)
		return x
	}
	bits, err := inputs.BF16(c)
	require.NoError(t, err)
	x.bf16, x.f32 = toBF16(bits), make([]float32, len(bits))
	bf16.Decode(x.f32, x.bf16)
	return x
}

func toBF16(bits []uint16) []bf16.BF16 {
	out := make([]bf16.BF16, len(bits))
	for i, b := range bits {
		out[i] = bf16.FromBits(b)
	}
	return out
}

// output is what a peer made of a case. The dequantized values are nil if it has none; in BF16 cases
// they are rounded to BF16.
type output struct {
	tensor  nvfp4.Tensor
	dequant []float32
}

func wanted(t *testing.T, file *safetensors.File, c string, o oracle, x matrix) (want output) {
	codes, err := file.U8(c + "/codes")
	require.NoError(t, err)
	scales, err := file.U8(c + "/scale_e4m3")
	require.NoError(t, err)
	global, err := file.F32(c + "/" + o.tensorScale)
	require.NoError(t, err)
	want.tensor = nvfp4.Tensor{Rows: x.rows, Cols: x.cols, Recipe: o.recipe, TensorScale: global[0],
		Codes: codes, Scales: toE4M3(scales)}
	if d, ok := file.Tensor(c + "/dequant"); ok && d.DType == "F32" {
		want.dequant, err = file.F32(c + "/dequant")
	} else if ok {
		var bits []uint16
		bits, err = file.BF16(c + "/dequant")
		want.dequant = make([]float32, len(bits))
		bf16.Decode(want.dequant, toBF16(bits))
	}
	require.NoError(t, err)
	return want
}

func toE4M3(bits []uint8) []fp8.E4M3 {
	out := make([]fp8.E4M3, len(bits))
	for i, b := range bits {
		out[i] = fp8.E4M3FromBits(b)
	}
	return out
}

func compare(t *testing.T, want output, x matrix) {
	got := nvfp4.New(x.rows, x.cols, want.tensor.Recipe)
	if x.bf16 != nil {
		nvfp4.QuantizeBF16(got, x.bf16, nvfp4.AMaxBF16(x.bf16))
	} else {
		nvfp4.Quantize(got, x.f32, nvfp4.AMax(x.f32))
	}
	requireSame(t, &want.tensor, got)

	if want.dequant != nil {
		values := make([]float32, len(x.f32))
		if x.bf16 != nil {
			half := make([]bf16.BF16, len(x.f32))
			nvfp4.DequantizeBF16(half, &want.tensor)
			bf16.Decode(values, half)
		} else {
			nvfp4.Dequantize(values, &want.tensor)
		}
		for i := range values {
			if !sameFloat(want.dequant[i], values[i]) {
				t.Fatalf("value %d of [%d,%d]: dequantized %v, want %v", i, x.rows, x.cols, values[i], want.dequant[i])
			}
		}
	}
}

// compareDefault holds the Default recipe against ModelOpt's output: the same bytes, unless ModelOpt
// writes NaN for a finite input.
func compareDefault(t *testing.T, want output, x matrix) {
	got := nvfp4.New(x.rows, x.cols, nvfp4.Default)
	amax := nvfp4.AMax(x.f32)
	nvfp4.Quantize(got, x.f32, amax)
	finite := !math.IsNaN(float64(amax)) && !math.IsInf(float64(amax), 0)
	if finite && slices.ContainsFunc(want.tensor.Scales, fp8.E4M3.IsNaN) {
		assert.False(t, slices.ContainsFunc(got.Scales, fp8.E4M3.IsNaN))
		return
	}
	requireSame(t, &want.tensor, got)
}

func requireSame(t *testing.T, want, got *nvfp4.Tensor) {
	t.Helper()
	if !sameFloat(want.TensorScale, got.TensorScale) {
		t.Fatalf("tensor scale %v, want %v", got.TensorScale, want.TensorScale)
	}
	require.Len(t, got.Scales, len(want.Scales))
	for i, s := range got.Scales {
		if w := want.Scales[i]; s != w && !(s.IsNaN() && w.IsNaN()) {
			t.Fatalf("scale %d: %#02x, want %#02x", i, s.Bits(), w.Bits())
		}
	}
	if !bytes.Equal(want.Codes, got.Codes) {
		require.Len(t, got.Codes, len(want.Codes))
		for i := range got.Codes {
			if got.Codes[i] != want.Codes[i] {
				t.Fatalf("codes %d: %#02x, want %#02x, scale %#02x", i, got.Codes[i], want.Codes[i], got.Scales[i/8].Bits())
			}
		}
	}
}

// sameFloat compares bits, NaN as one class.
func sameFloat(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// TestWeights compares with ModelOpt's bytes on matrices of a real model.
func TestWeights(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		weights, err := safetensors.Open(golden.Data(t, "weights/weights_bf16.safetensors"))
		require.NoError(t, err)
		peers, err := safetensors.Open(golden.Data(t, "weights/weights_nvfp4.safetensors"))
		require.NoError(t, err)
		for _, name := range weights.Names() {
			t.Run(name, func(t *testing.T) {
				x := input(t, weights, name)
				codes, err := peers.U8(name + ".modelopt.codes")
				require.NoError(t, err)
				scales, err := peers.U8(name + ".modelopt.scales_e4m3")
				require.NoError(t, err)
				global, err := peers.F32(name + ".modelopt.global_scale")
				require.NoError(t, err)
				for _, r := range []nvfp4.Recipe{nvfp4.Default, nvfp4.ModelOpt} {
					got := nvfp4.New(x.rows, x.cols, r)
					nvfp4.QuantizeBF16(got, x.bf16, nvfp4.AMaxBF16(x.bf16))
					requireSame(t, &nvfp4.Tensor{Codes: codes, Scales: toE4M3(scales), TensorScale: global[0]}, got)
				}
			})
		}
	})
}

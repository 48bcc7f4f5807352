package fp8_test

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
	"github.com/trueup-rl/trueup/internal/safetensors"
)

// oracle says how a file of peer vectors is compared with this package.
type oracle struct {
	e5m2   bool // codes are E5M2, not E4M3
	perRow bool // one scale a row, not one a tensor
	bf16   bool // valid on bf16 inputs too, with the scale stored in the file

	// A case whose amax is 0 has a scale of the peer's own: NaN codes in ModelOpt, the epsilon of
	// the type in compressed-tensors and torchao.
	zeroCodes bool // codes of an all-zero tensor are comparable nevertheless
}

// oracles names every file whose arithmetic is q = fp8(x / scale) with scale = amax/448 in float32.
// On bf16 inputs ModelOpt and compressed-tensors divide in bf16, so these cases are left out; torchao
// takes the scale in bf16 but divides in float32, so its codes are compared under its own scale.
var oracles = map[string]oracle{
	"modelopt_FP8QTensor_per_tensor":         {},
	"compressed_tensors_FP8_per_tensor":      {zeroCodes: true},
	"torchao_affine_float8_per_tensor":       {bf16: true, zeroCodes: true},
	"torchao_affine_float8_per_row":          {bf16: true, zeroCodes: true, perRow: true},
	"torchao_affine_float8_per_row_e5m2":     {bf16: true, zeroCodes: true, perRow: true, e5m2: true},
	"modelopt_FP8QTensor_per_row":            {perRow: true},
	"compressed_tensors_FP8_DYNAMIC_per_row": {zeroCodes: true, perRow: true},
}

// unsupported lists the files whose scaling this package does not have: scales per block or by an
// encode multiplier (q = fp8(x * s)).
var unsupported = map[string]bool{
	"compressed_tensors_FP8_BLOCK_128x128":   true,
	"deepgemm_per_block_128x128_fp32":        true,
	"deepgemm_per_block_128x128_ue8m0":       true,
	"deepgemm_per_token_1x128_fp32":          true,
	"deepgemm_per_token_1x128_ue8m0":         true,
	"deepgemm_per_token_1x32_packed_ue8m0":   true,
	"fbgemm_quantize_fp8_block_128x128_cpu":  true,
	"fbgemm_quantize_fp8_group_128_cpu":      true,
	"fbgemm_quantize_fp8_row_cpu":            true,
	"modelopt_FP8QTensor_128x128":            true,
	"modelopt_FP8QTensor_1x128":              true,
	"te_ref_blockwise_128x128":               true,
	"te_ref_blockwise_128x128_pow2":          true,
	"te_ref_blockwise_1x128":                 true,
	"te_ref_blockwise_1x128_pow2":            true,
	"te_ref_current_scaling_per_tensor":      true,
	"te_ref_current_scaling_per_tensor_e5m2": true,
	"te_ref_current_scaling_per_tensor_pow2": true,
	"torchao_affine_float8_128x128":          true,
	"torchao_affine_float8_1x128":            true,
	"torchao_affine_float8_1x128_e8m0":       true,
	"torchao_float8train_per_row":            true,
	"torchao_float8train_per_row_pow2":       true,
	"torchao_float8train_per_tensor":         true,
	"torchao_float8train_per_tensor_e5m2":    true,
}

func TestGolden(t *testing.T) {
	dir := golden.Dir(t, "formats/fp8")
	inputs, err := safetensors.Open(dir + "/inputs.safetensors")
	require.NoError(t, err)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		peer, ok := strings.CutSuffix(e.Name(), ".safetensors")
		if !ok || peer == "inputs" || unsupported[peer] {
			continue
		}
		t.Run(peer, func(t *testing.T) {
			o, ok := oracles[peer]
			require.True(t, ok, "no oracle for this file; add it to oracles or to unsupported")
			file, err := safetensors.Open(dir + "/" + e.Name())
			require.NoError(t, err)
			ran := 0
			for _, name := range file.Names() {
				c, ok := strings.CutSuffix(name, "/codes")
				if ok && (strings.HasSuffix(c, "/f32") || o.bf16) {
					t.Run(c, func(t *testing.T) {
						kerneltest.EachLevel(t, func(t *testing.T) { o.compare(t, inputs, file, c) })
					})
					ran++
				}
			}
			require.NotZero(t, ran)
		})
	}
}

func (o *oracle) compare(t *testing.T, inputs, file *safetensors.File, c string) {
	in, ok := inputs.Tensor(c)
	require.True(t, ok)
	rows, cols := in.Shape[0], in.Shape[1]
	want, err := file.U8(c + "/codes")
	require.NoError(t, err)
	scales, err := file.F32(c + "/scale")
	require.NoError(t, err)
	if !o.perRow {
		rows, cols = 1, rows*cols
	}
	require.Len(t, scales, rows)
	require.Len(t, want, rows*cols)

	var x []float32
	var half []bf16.BF16 // x, if the case is in BF16
	if in.DType == "BF16" {
		bits, err := inputs.BF16(c)
		require.NoError(t, err)
		x, half = make([]float32, len(bits)), make([]bf16.BF16, len(bits))
		for i, b := range bits {
			half[i] = bf16.FromBits(b)
		}
		bf16.Decode(x, half)
	} else {
		x, err = inputs.F32(c)
		require.NoError(t, err)
	}

	for r, s := range scales {
		row, wantRow := x[r*cols:][:cols], want[r*cols:][:cols]
		amax := fp8.AMax(row)
		if amax == 0 && !o.zeroCodes {
			continue
		}
		ours := fp8.ScaleE4M3(amax)
		if o.e5m2 {
			ours = fp8.ScaleE5M2(amax)
		}
		if amax != 0 && half == nil && ours != s && !(ours != ours && s != s) {
			t.Fatalf("row %d: scale %v, want %v", r, ours, s)
		}

		e4m3, e5m2 := make([]fp8.E4M3, cols), make([]fp8.E5M2, cols)
		if half != nil {
			fp8.QuantizeE4M3BF16(e4m3, half[r*cols:][:cols], s)
			fp8.QuantizeE5M2BF16(e5m2, half[r*cols:][:cols], s)
		} else {
			fp8.QuantizeE4M3(e4m3, row, s)
			fp8.QuantizeE5M2(e5m2, row, s)
		}
		for i := range row {
			got := e4m3[i].Bits()
			if o.e5m2 {
				got = e5m2[i].Bits()
			}
			o.same(t, got, wantRow[i], row[i])
		}
	}
}

// same compares two codes, NaN as one class.
func (o *oracle) same(t *testing.T, got, want uint8, x float32) {
	isNaN := func(b uint8) bool { return fp8.E4M3(b).IsNaN() || o.e5m2 && fp8.E5M2(b).IsNaN() }
	if got != want && !(isNaN(got) && isNaN(want)) {
		t.Fatalf("%v (%#08x): got %#02x, want %#02x", x, math.Float32bits(x), got, want)
	}
}

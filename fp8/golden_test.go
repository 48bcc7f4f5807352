package fp8_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
)

// oracle says which recipe a file of a peer's vectors is the output of.
type oracle struct {
	recipe fp8.Recipe
	tile   fp8.Tile
	format fp8.Format
	scales string // the field that holds Tensor.Scales, or them packed
}

// oracles names every file of golden/formats/fp8.
var oracles = map[string]oracle{
	"compressed_tensors_FP8_BLOCK_128x128":   {fp8.CompressedTensors, fp8.Tile128x128, fp8.FormatE4M3, "scale"},
	"compressed_tensors_FP8_DYNAMIC_per_row": {fp8.CompressedTensors, fp8.PerRow, fp8.FormatE4M3, "scale"},
	"compressed_tensors_FP8_per_tensor":      {fp8.CompressedTensors, fp8.PerTensor, fp8.FormatE4M3, "scale"},
	"deepgemm_per_block_128x128_fp32":        {fp8.DeepGEMM, fp8.Tile128x128, fp8.FormatE4M3, "scale"},
	"deepgemm_per_block_128x128_ue8m0":       {fp8.DeepGEMMUE8M0, fp8.Tile128x128, fp8.FormatE4M3, "scale"},
	"deepgemm_per_token_1x128_fp32":          {fp8.DeepGEMM, fp8.Tile1x128, fp8.FormatE4M3, "scale"},
	"deepgemm_per_token_1x128_ue8m0":         {fp8.DeepGEMMUE8M0, fp8.Tile1x128, fp8.FormatE4M3, "scale"},
	"deepgemm_per_token_1x32_packed_ue8m0":   {fp8.DeepGEMMUE8M0, fp8.Tile1x32, fp8.FormatE4M3, "packed_i32"},
	"fbgemm_quantize_fp8_block_128x128_cpu":  {fp8.FBGEMM, fp8.Tile128x128, fp8.FormatE4M3, "scale_inv"},
	"fbgemm_quantize_fp8_group_128_cpu":      {fp8.FBGEMMGroup, fp8.Tile1x128, fp8.FormatE4M3, "scale_inv"},
	"fbgemm_quantize_fp8_row_cpu":            {fp8.FBGEMM, fp8.PerRow, fp8.FormatE4M3, "scale_inv"},
	"modelopt_FP8QTensor_128x128":            {fp8.ModelOpt, fp8.Tile128x128, fp8.FormatE4M3, "scale"},
	"modelopt_FP8QTensor_1x128":              {fp8.ModelOpt, fp8.Tile1x128, fp8.FormatE4M3, "scale"},
	"modelopt_FP8QTensor_per_row":            {fp8.ModelOpt, fp8.PerRow, fp8.FormatE4M3, "scale"},
	"modelopt_FP8QTensor_per_tensor":         {fp8.ModelOpt, fp8.PerTensor, fp8.FormatE4M3, "scale"},
	"te_ref_blockwise_128x128":               {fp8.TransformerEngine, fp8.Tile128x128, fp8.FormatE4M3, "scale_inv"},
	"te_ref_blockwise_128x128_pow2":          {fp8.TransformerEnginePow2, fp8.Tile128x128, fp8.FormatE4M3, "scale_inv"},
	"te_ref_blockwise_1x128":                 {fp8.TransformerEngine, fp8.Tile1x128, fp8.FormatE4M3, "scale_inv"},
	"te_ref_blockwise_1x128_pow2":            {fp8.TransformerEnginePow2, fp8.Tile1x128, fp8.FormatE4M3, "scale_inv"},
	"te_ref_current_scaling_per_tensor":      {fp8.TransformerEngine, fp8.PerTensor, fp8.FormatE4M3, "scale_inv"},
	"te_ref_current_scaling_per_tensor_e5m2": {fp8.TransformerEngine, fp8.PerTensor, fp8.FormatE5M2, "scale_inv"},
	"te_ref_current_scaling_per_tensor_pow2": {fp8.TransformerEnginePow2, fp8.PerTensor, fp8.FormatE4M3, "scale_inv"},
	"torchao_affine_float8_128x128":          {fp8.TorchAO, fp8.Tile128x128, fp8.FormatE4M3, "scale"},
	"torchao_affine_float8_1x128":            {fp8.TorchAO, fp8.Tile1x128, fp8.FormatE4M3, "scale"},
	"torchao_affine_float8_1x128_e8m0":       {fp8.TorchAOE8M0, fp8.Tile1x128, fp8.FormatE4M3, "scale"},
	"torchao_affine_float8_per_row":          {fp8.TorchAO, fp8.PerRow, fp8.FormatE4M3, "scale"},
	"torchao_affine_float8_per_row_e5m2":     {fp8.TorchAO, fp8.PerRow, fp8.FormatE5M2, "scale"},
	"torchao_affine_float8_per_tensor":       {fp8.TorchAO, fp8.PerTensor, fp8.FormatE4M3, "scale"},
	"torchao_float8train_per_row":            {fp8.TorchAOTraining, fp8.PerRow, fp8.FormatE4M3, "scale_multiplier"},
	"torchao_float8train_per_row_pow2":       {fp8.TorchAOTrainingPow2, fp8.PerRow, fp8.FormatE4M3, "scale_multiplier"},
	"torchao_float8train_per_tensor":         {fp8.TorchAOTraining, fp8.PerTensor, fp8.FormatE4M3, "scale_multiplier"},
	"torchao_float8train_per_tensor_e5m2":    {fp8.TorchAOTraining, fp8.PerTensor, fp8.FormatE5M2, "scale_multiplier"},
}

// TestGolden compares codes and scales with every peer's, NaN as one class, without exceptions: where
// a peer gives NaN, for tiles of zeros, or writes nonsense, its recipe does so too. What Default gives
// there is compared by compareDefault.
func TestGolden(t *testing.T) {
	golden.EachPeer(t, "fp8", oracles, func(t *testing.T, p *golden.Peer, o oracle) {
		p.EachCase(t, func(t *testing.T, c string, x golden.Matrix) {
			want := o.output(t, p, c)
			kerneltest.EachLevel(t, func(t *testing.T) { want.compare(t, x) })
			if o.recipe == fp8.ModelOpt && x.BF16 == nil { // else ModelOpt computes in BF16
				t.Run("default", func(t *testing.T) { want.compareDefault(t, x) })
			}
		})
	})
}

// output is what a peer made of an input.
type output struct {
	oracle
	codes  []uint8
	scales []float32
	packed []int32 // the scales, instead
}

func (o oracle) output(t *testing.T, p *golden.Peer, c string) output {
	want := output{oracle: o}
	var err error
	want.codes, err = p.U8(c + "/codes")
	require.NoError(t, err)
	if o.scales == "packed_i32" {
		want.packed, err = p.I32(c + "/packed_i32")
		require.NoError(t, err)
	} else {
		want.scales, _ = golden.Floats(t, p.File, c+"/"+o.scales)
	}
	return want
}

func quantized(x golden.Matrix, r fp8.Recipe, tile fp8.Tile, f fp8.Format) *fp8.Tensor {
	got := fp8.New(x.Rows, x.Cols, r, tile, f)
	if x.BF16 != nil {
		fp8.QuantizeBF16(got, x.BF16, fp8.AMaxBF16(x.BF16))
	} else {
		fp8.Quantize(got, x.F32, fp8.AMax(x.F32))
	}
	return got
}

func (want *output) compare(t *testing.T, x golden.Matrix) {
	got := quantized(x, want.recipe, want.tile, want.format)
	if want.packed != nil {
		_, across := want.tile.Scales(x.Rows, x.Cols)
		packed := make([]int32, len(want.packed))
		require.NoError(t, fp8.PackUE8M0(packed, got.Scales, across))
		require.Equal(t, want.packed, packed)
		scales := make([]float32, len(got.Scales))
		fp8.UnpackUE8M0(scales, packed, across)
		require.Equal(t, got.Scales, scales)
	} else {
		require.Len(t, got.Scales, len(want.scales))
		for i, s := range got.Scales {
			if !golden.SameFloat(s, want.scales[i]) {
				t.Fatalf("scale %d: %v, want %v", i, s, want.scales[i])
			}
		}
	}
	require.Len(t, got.Codes, len(want.codes))
	for i, c := range got.Codes {
		if !want.sameCode(c, want.codes[i]) {
			t.Fatalf("code %d of %v (%#08x): %#02x, want %#02x", i, x.F32[i], math.Float32bits(x.F32[i]), c, want.codes[i])
		}
	}
}

// compareDefault holds the Default recipe against ModelOpt's output on float32: the same bytes but in
// the tiles whose scale is 0 in ModelOpt, of zeros or of the tiniest numbers, which makes 0/0 or x/0
// of its values. Default takes a scale of 1 there.
func (want *output) compareDefault(t *testing.T, x golden.Matrix) {
	got := quantized(x, fp8.Default, want.tile, want.format)
	for i, s := range got.Scales {
		w := want.scales[i]
		if w == 0 {
			w = 1
		}
		if !golden.SameFloat(s, w) {
			t.Fatalf("scale %d: %v, want %v", i, s, w)
		}
	}
	for i, c := range got.Codes {
		w := want.codes[i]
		if want.scales[tileOf(want.tile, x.Rows, x.Cols, i)] == 0 {
			w = fp8.E4M3FromFloat32(x.F32[i]).Bits()
		}
		if !want.sameCode(c, w) {
			t.Fatalf("code %d of %v: %#02x, want %#02x", i, x.F32[i], c, w)
		}
	}
}

// sameCode compares bits, NaN as one class.
func (o *oracle) sameCode(got, want uint8) bool {
	if o.format == fp8.FormatE5M2 {
		return got == want || fp8.E5M2(got).IsNaN() && fp8.E5M2(want).IsNaN()
	}
	return got == want || fp8.E4M3(got).IsNaN() && fp8.E4M3(want).IsNaN()
}

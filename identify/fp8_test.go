package identify_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/identify"
	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/internal/safetensors"
)

// fp8Recipes are the recipes of the peers' files, by how their names begin: the longest counts.
var fp8Recipes = map[string]string{
	"compressed_tensors":                     "compressed-tensors",
	"deepgemm":                               "deepgemm",
	"deepgemm_per_block_128x128_ue8m0":       "deepgemm-ue8m0",
	"deepgemm_per_token_1x128_ue8m0":         "deepgemm-ue8m0",
	"deepgemm_per_token_1x32_packed_ue8m0":   "deepgemm-ue8m0",
	"fbgemm":                                 "fbgemm",
	"fbgemm_quantize_fp8_group":              "fbgemm-group",
	"modelopt":                               "modelopt",
	"te_ref":                                 "transformer-engine",
	"te_ref_blockwise_128x128_pow2":          "transformer-engine-pow2",
	"te_ref_blockwise_1x128_pow2":            "transformer-engine-pow2",
	"te_ref_current_scaling_per_tensor_pow2": "transformer-engine-pow2",
	"torchao_affine":                         "torchao",
	"torchao_affine_float8_1x128_e8m0":       "torchao-e8m0",
	"torchao_float8train":                    "torchao-training",
	"torchao_float8train_per_row_pow2":       "torchao-training-pow2",
}

// longestPrefix returns the value whose key is the longest that s begins with.
func longestPrefix(table map[string]string, s string) (value string) {
	length := 0
	for key, v := range table {
		if strings.HasPrefix(s, key) && len(key) > length {
			length, value = len(key), v
		}
	}
	return value
}

func TestFP8Golden(t *testing.T) {
	eachCase(t, "fp8", func(t *testing.T, file *safetensors.File, peer, name string, s *identify.Source) {
		recipe := longestPrefix(fp8Recipes, peer)
		require.NotEmpty(t, recipe, "no recipe for this file")
		q := identify.FP8Bytes{}
		if strings.HasSuffix(peer, "_e5m2") {
			q.Format = fp8.FormatE5M2
		}
		var err error
		q.Codes, err = file.U8(name + "/codes")
		require.NoError(t, err)
		for _, field := range []string{"scale", "scale_inv", "scale_multiplier"} {
			if _, ok := file.Tensor(name + "/" + field); ok {
				q.Scales, _ = golden.Floats(t, file, name+"/"+field)
			}
		}
		if packed, err := file.I32(name + "/packed_i32"); err == nil {
			across := (s.Cols + 31) / 32
			q.Scales = make([]float32, s.Rows*across)
			fp8.UnpackUE8M0(q.Scales, packed, across)
		}
		matches, err := identify.FP8(s, &q)
		require.NoError(t, err)
		requireIdentified(t, matches, recipe)
	})
}

func TestFP8FusedAndInverse(t *testing.T) {
	s := normalBF16(64, 200, 0.02)
	amax := 2 * fp8.AMaxBF16(s.BF16) // of a fused group
	for _, r := range fp8.Recipes() {
		if r.Check(fp8.PerTensor, fp8.FormatE4M3) != nil {
			continue
		}
		w := fp8.New(s.Rows, s.Cols, r, fp8.PerTensor, fp8.FormatE4M3)
		fp8.QuantizeBF16(w, s.BF16, amax)
		matches, err := identify.FP8(s, &identify.FP8Bytes{Codes: w.Codes, Scales: w.Scales})
		require.NoError(t, err)
		requireIdentified(t, matches, r.String())
	}

	w := fp8.New(s.Rows, s.Cols, fp8.TransformerEnginePow2, fp8.Tile1x128, fp8.FormatE5M2)
	fp8.QuantizeBF16(w, s.BF16, 0)
	for i := range w.Scales {
		w.Scales[i] = 1 / w.Scales[i]
	}
	matches, err := identify.FP8(s, &identify.FP8Bytes{Format: fp8.FormatE5M2, Codes: w.Codes, Scales: w.Scales})
	require.NoError(t, err)
	requireIdentified(t, matches, "transformer-engine-pow2")
	assert.Equal(t, "inverse", matches[0].ScaleLayout)
	assert.Equal(t, "1x128", matches[0].Tile)
}

func TestFP8Difference(t *testing.T) {
	s := normalBF16(300, 300, 0.02)
	w := fp8.New(s.Rows, s.Cols, fp8.DeepGEMM, fp8.Tile128x128, fp8.FormatE4M3)
	fp8.QuantizeBF16(w, s.BF16, 0)
	scales := w.Scales
	w.Codes[290*300+7] ^= 1
	matches, err := identify.FP8(s, &identify.FP8Bytes{Codes: w.Codes, Scales: scales})
	require.NoError(t, err)
	assert.Equal(t, "deepgemm", matches[0].Recipe)
	assert.Equal(t, identify.Share{Equal: 300*300 - 1, Of: 300 * 300}, matches[0].Codes)
	want := uint32(w.Codes[290*300+7] ^ 1)
	assert.Equal(t, &identify.Difference{Row: 290, Col: 7, Got: want ^ 1, Want: want}, matches[0].First)

	scales[5] = -scales[5] // the tile in row 1, column 2, comes before
	matches, err = identify.FP8(s, &identify.FP8Bytes{Codes: w.Codes, Scales: scales})
	require.NoError(t, err)
	assert.Equal(t, identify.Share{Equal: 5, Of: 6}, matches[0].Scales, "of the front")
	assert.True(t, matches[0].First.Scale)
	assert.Equal(t, [2]int{128, 256}, [2]int{matches[0].First.Row, matches[0].First.Col})
}

func TestFP8Errors(t *testing.T) {
	s := normalBF16(4, 64, 1)
	for want, q := range map[string]*identify.FP8Bytes{
		"identify: 255 codes for 4 × 64 values":                        {Codes: make([]uint8, 255), Scales: make([]float32, 1)},
		"identify: 3 scales for 4 × 64 values fit no tile of a recipe": {Codes: make([]uint8, 256), Scales: make([]float32, 3)},
		"identify: 0 scales for 4 × 64 values fit no tile of a recipe": {Codes: make([]uint8, 256)},
	} {
		_, err := identify.FP8(s, q)
		assert.EqualError(t, err, want)
	}
	_, err := identify.FP8(&identify.Source{Rows: 4, Cols: 64, BF16: s.BF16[1:]}, &identify.FP8Bytes{})
	assert.EqualError(t, err, "identify: the source has 255 values for 4 × 64")
	_, err = identify.FP8(&identify.Source{Rows: 4, Cols: 64}, &identify.FP8Bytes{})
	assert.ErrorContains(t, err, "one of float32 and BF16")
}

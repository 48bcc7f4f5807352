package identify_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/identify"
	"github.com/trueup-rl/trueup/internal/safetensors"
	"github.com/trueup-rl/trueup/layout"
	"github.com/trueup-rl/trueup/nvfp4"
)

func normalBF16(rows, cols int, sigma float64) *identify.Source {
	rng := rand.New(rand.NewPCG(uint64(rows), uint64(cols)))
	s := &identify.Source{Rows: rows, Cols: cols, BF16: make([]bf16.BF16, rows*cols)}
	for i := range s.BF16 {
		s.BF16[i] = bf16.FromFloat32(float32(sigma * rng.NormFloat64()))
	}
	return s
}

// quantized makes an NVFP4 matrix of s, and returns it as its recipe stores it.
func quantized(s *identify.Source, r nvfp4.Recipe, amax float32) *identify.NVFP4Bytes {
	w := nvfp4.New(s.Rows, s.Cols, r)
	nvfp4.QuantizeBF16(w, s.BF16, amax)
	return &identify.NVFP4Bytes{Codes: w.Codes, Scales: w.Scales, TensorScale: []float32{w.TensorScale}}
}

func e4m3(bits []uint8) []fp8.E4M3 {
	out := make([]fp8.E4M3, len(bits))
	for i, b := range bits {
		out[i] = fp8.E4M3FromBits(b)
	}
	return out
}

// nvfp4Recipes are the recipes of the peers' files. One holds codes of a transformed source; that is
// not the source, and some files have no codes under this name, or in this order.
var nvfp4Recipes = map[string]string{
	"compressed_tensors_nvfp4_pack":    "compressed-tensors",
	"flashinfer_testref_ref_fp4_quant": "flashinfer-reference",
	"flashinfer_testref_te_exact":      "flashinfer-te",
	"flashinfer_testref_te_per_token":  "flashinfer-te-per-token",
	"fouroversix_ref_abs_max":          "fouroversix-abs-max",
	"fouroversix_ref_mae":              "fouroversix-mae",
	"fouroversix_ref_mse":              "fouroversix-mse",
	"fouroversix_ref_mse_2d":           "fouroversix-mse-16x16",
	"fouroversix_ref_mse_rht":          "-",
	"fouroversix_ref_static6_2d":       "fouroversix-static-6-16x16",
	"fouroversix_ref_static_4":         "fouroversix-static-4",
	"fouroversix_ref_static_6":         "fouroversix-static-6",
	"ggml_block_nvfp4":                 "ggml",
	"modelopt_NVFP4QTensor":            "modelopt",
	"qwantize_nvfp4_optimal_mse_scale": "optimal-mse",
	"te_ref_16x16":                     "transformer-engine-16x16",
	"te_ref_1x16":                      "transformer-engine",
	"te_ref_16x16_padded_rows":         "transformer-engine-16x16",
	"te_ref_1x16_rht_signed":           "transformer-engine",
	"te_ref_1x16_rht_unsigned":         "transformer-engine",
	"te_ref_1x16_rowscaled":            "transformer-engine-row-scaled",
	"te_ref_4over6_mae_256":            "transformer-engine-4over6-mae-256",
	"te_ref_4over6_mae_448":            "transformer-engine-4over6-mae-448",
	"te_ref_4over6_mse_256":            "transformer-engine-4over6-mse-256",
	"te_ref_4over6_mse_256_16x16":      "transformer-engine-4over6-mse-256-16x16",
	"te_ref_4over6_mse_448":            "transformer-engine-4over6-mse-448",
	"te_ref_4over6_mse_448_fastmath":   "transformer-engine-4over6-mse-448-fast",
	"torchao_NVFP4Tensor_one_level":    "torchao-one-level",
	"torchao_NVFP4Tensor_two_level":    "torchao-two-level",
}

func TestNVFP4Golden(t *testing.T) {
	eachCase(t, "nvfp4", func(t *testing.T, file *safetensors.File, peer, name string, s *identify.Source) {
		recipe, ok := nvfp4Recipes[peer]
		require.True(t, ok, "no recipe for this file")
		if recipe == "-" {
			t.Skip("the codes are of the transformed source")
		}
		var q identify.NVFP4Bytes
		if recipe == "ggml" {
			q.Codes, q.Scales = split[fp8.E4M3](t, file, name+"/blocks", layout.GGMLNVFP4)
		} else {
			codes, err := file.U8(name + "/codes")
			require.NoError(t, err)
			q.Codes = codes
		}
		for _, key := range file.Names() {
			switch field, _ := strings.CutPrefix(key, name+"/"); field {
			case "scale_e4m3", "weight_scale", "scale":
				scales, err := file.U8(key)
				require.NoError(t, err)
				// TransformerEngine's 16×16 tiles leave the scales of rows that are not there.
				q.Scales = e4m3(scales[:s.Rows*nvfp4.RowScales(s.Cols)])
			case "scale_f32":
				scales, err := file.F32(key)
				require.NoError(t, err)
				q.Scales = make([]fp8.E4M3, len(scales))
				fp8.EncodeE4M3(q.Scales, scales)
			case "scale_2", "per_tensor_scale", "weight_global_scale", "global_scale", "amax":
				scale, err := file.F32(key)
				require.NoError(t, err)
				q.TensorScale = scale
			}
		}
		matches, err := identify.NVFP4(s, &q)
		require.NoError(t, err)
		requireIdentified(t, matches, recipe)
		for _, m := range matches {
			if m.Recipe == recipe && len(q.TensorScale) > 0 {
				assert.True(t, m.TensorScaleEqual)
				assert.Contains(t, []identify.Origin{identify.FromSource, identify.NoAMax}, m.AMaxFrom)
			}
		}
	})
}

func TestNVFP4Fused(t *testing.T) {
	s := normalBF16(64, 256, 0.02)
	amax := bf16.FromFloat32(1.7 * fp8.AMaxBF16(s.BF16)).Float32() // of a fused group
	for _, r := range []nvfp4.Recipe{nvfp4.ModelOpt, nvfp4.TransformerEngine} {
		q := quantized(s, r, amax)
		matches, err := identify.NVFP4(s, q)
		require.NoError(t, err)
		requireIdentified(t, matches, r.String())
		for _, m := range matches {
			if m.Recipe == r.String() {
				assert.Equal(t, identify.FromScale, m.AMaxFrom)
				assert.True(t, m.TensorScaleEqual)
				assert.Equal(t, amax, m.AMax)
			}
		}

		// The file states the tensor scale in another convention, and its scales in another order.
		from, to := layout.Multiplier, layout.AMax
		if r == nvfp4.TransformerEngine {
			from, to = to, from
		}
		q.TensorScale[0], _ = layout.Convert(q.TensorScale[0], from, to)
		tiles := make([]fp8.E4M3, layout.Tiles128x4.Size(64, 16))
		layout.Swizzle(tiles, q.Scales, 64, 16, layout.Tiles128x4)
		q.Scales = tiles
		layout.PairsToHalves(q.Codes, q.Codes, 16)
		matches, err = identify.NVFP4(s, q)
		require.NoError(t, err)
		requireIdentified(t, matches, r.String())
		for _, m := range matches {
			if m.Recipe == r.String() {
				assert.False(t, m.TensorScaleEqual)
				assert.Equal(t, "halves", m.CodeLayout)
				assert.Contains(t, []identify.Origin{identify.FromMultiplier, identify.FromAMax}, m.AMaxFrom)
			}
		}

		q.TensorScale = nil // the amax of the group is lost
		matches, err = identify.NVFP4(s, q)
		require.NoError(t, err)
		assert.False(t, matches[0].Exact())
		assert.Equal(t, identify.FromSource, matches[0].AMaxFrom)
	}
}

func TestNVFP4Orders(t *testing.T) {
	s := normalBF16(128, 64*16, 0.02)
	for _, o := range []layout.Order{layout.Linear, layout.Tiles128x4, layout.Tiles8x4} {
		q := quantized(s, nvfp4.ModelOpt, fp8.AMaxBF16(s.BF16))
		scales := make([]fp8.E4M3, len(q.Scales)) // all orders have the same length here
		layout.Swizzle(scales, q.Scales, 128, 64, o)
		q.Scales = scales
		matches, err := identify.NVFP4(s, q)
		require.NoError(t, err)
		requireIdentified(t, matches, "modelopt")
		assert.Equal(t, o.String(), matches[0].ScaleLayout)
		assert.Equal(t, "pairs", matches[0].CodeLayout)
	}
}

// TestNVFP4Difference has differences in front and far behind.
func TestNVFP4Difference(t *testing.T) {
	s := normalBF16(1000, 250, 0.02)
	q := quantized(s, nvfp4.ModelOpt, fp8.AMaxBF16(s.BF16))
	matches, err := identify.NVFP4(s, q)
	require.NoError(t, err)
	requireIdentified(t, matches, "modelopt")
	assert.Equal(t, 250_000, matches[0].Codes.Of)
	assert.Equal(t, "modelopt, linear, pairs: all of 16000 scales and 250000 codes",
		strings.Replace(matches[0].String(), "default", "modelopt", 1))

	q.Scales[999*16+15] ^= 1
	matches, err = identify.NVFP4(s, q)
	require.NoError(t, err)
	d := matches[0].First
	require.NotNil(t, d)
	assert.Equal(t, [2]int{999, 240}, [2]int{d.Row, d.Col})
	assert.True(t, d.Scale)
	assert.Equal(t, d.Want^1, d.Got)

	code := q.Codes[3*128+10] & 15
	q.Codes[3*128+10] ^= 3
	matches, err = identify.NVFP4(s, q)
	require.NoError(t, err)
	assert.Equal(t, &identify.Difference{Row: 3, Col: 20, Got: uint32(code ^ 3), Want: uint32(code)}, matches[0].First)
	assert.Less(t, matches[0].Codes.Of, 250_000, "the rest is left out")
	assert.Contains(t, matches[0].String(), "row 3 column 20: code 0x")
	assert.Contains(t, []string{"default", "modelopt"}, matches[0].Recipe)
}

// TestNVFP4Unpadded: rows that end within a block, without what ModelOpt fills them up with.
func TestNVFP4Unpadded(t *testing.T) {
	s := normalBF16(20, 21, 1)
	q := quantized(s, nvfp4.TransformerEngine, fp8.AMaxBF16(s.BF16))
	var dense []byte
	for r := range 20 {
		dense = append(dense, q.Codes[r*16:][:11]...)
	}
	q.Codes = dense
	matches, err := identify.NVFP4(s, q)
	require.NoError(t, err)
	requireIdentified(t, matches, "transformer-engine")
}

func TestNVFP4Errors(t *testing.T) {
	s := normalBF16(4, 64, 1)
	for want, change := range map[string]func(q *identify.NVFP4Bytes){
		"identify: 127 bytes of codes for 4 × 64 values":    func(q *identify.NVFP4Bytes) { q.Codes = q.Codes[1:] },
		"identify: 0 bytes of codes for 4 × 64 values":      func(q *identify.NVFP4Bytes) { q.Codes = nil },
		"identify: 15 scales for 4 × 4 blocks fit no order": func(q *identify.NVFP4Bytes) { q.Scales = q.Scales[1:] },
		"identify: 3 tensor scales for 4 rows":              func(q *identify.NVFP4Bytes) { q.TensorScale = make([]float32, 3) },
	} {
		q := quantized(s, nvfp4.ModelOpt, 4)
		change(q)
		_, err := identify.NVFP4(s, q)
		assert.EqualError(t, err, want)
	}
}

// FuzzNVFP4: whatever the bytes are, there are matches, or an error.
func FuzzNVFP4(f *testing.F) {
	f.Add(uint8(3), uint8(20), []byte{1, 2, 3, 4, 5, 6, 7, 8}, uint32(0x3F800000))
	f.Add(uint8(0x25), uint8(0x54), []byte("07000"), uint32(1065353088)) // a convention gives the amax -0
	f.Fuzz(func(t *testing.T, rows, cols uint8, data []byte, scale uint32) {
		if len(data) == 0 {
			return
		}
		r, c := int(rows%20), int(cols%70)
		fill := func(n int) []byte { return bytes.Repeat(data, n/len(data)+1)[:n] }
		s := &identify.Source{Rows: r, Cols: c, BF16: []bf16.BF16{}}
		for i, b := range fill(2 * r * c) {
			if i%2 == 0 {
				s.BF16 = append(s.BF16, bf16.FromBits(uint16(b)<<8|uint16(data[i%len(data)])))
			}
		}
		q := &identify.NVFP4Bytes{Codes: fill(r * nvfp4.RowBytes(c)), Scales: e4m3(fill(r * nvfp4.RowScales(c)))}
		if scale != 0 {
			q.TensorScale = []float32{bf16.FromBits(uint16(scale)).Float32()}
		}
		matches, err := identify.NVFP4(s, q)
		if r == 0 || c == 0 {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.NotEmpty(t, matches)
	})
}

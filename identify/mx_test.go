package identify_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/identify"
	"github.com/trueup-rl/trueup/internal/safetensors"
	"github.com/trueup-rl/trueup/layout"
	"github.com/trueup-rl/trueup/mx"
)

// mxRecipes are the recipes of the peers' files, by how their names begin, or else by how they end.
// microxcaling's hold values, not codes.
var mxRecipes = map[string]string{
	"compressed_tensors":       "compressed-tensors",
	"deepgemm":                 "deepgemm",
	"fbgemm_py_quantize_mx4_c": "fbgemm-ceil",
	"fbgemm_py_quantize_mx4_e": "fbgemm-even",
	"fbgemm_py_quantize_mx4_f": "fbgemm-floor",
	"fbgemm_py_quantize_mx4_n": "fbgemm-nearest",
	"ggml":                     "ggml",
	"microxcaling":             "-",
	"modelopt":                 "modelopt",
}

func mxRecipe(peer string) string {
	if _, rule, ok := strings.Cut(peer, "torchao_to_mx_e"); ok {
		return "torchao-" + rule[4:]
	}
	return longestPrefix(mxRecipes, peer)
}

// mxFormat returns the format that a file's name tells of: E2M1 if it tells of none.
func mxFormat(peer string) mx.Format {
	for name, f := range map[string]mx.Format{"e4m3": mx.E4M3, "mxfp8": mx.E4M3, "MXFP8": mx.E4M3, "e5m2": mx.E5M2, "e2m3": mx.E2M3, "e3m2": mx.E3M2} {
		if strings.Contains(peer, name) {
			return f
		}
	}
	return mx.E2M1
}

func TestMXGolden(t *testing.T) {
	eachCase(t, "mx", func(t *testing.T, file *safetensors.File, peer, name string, s *identify.Source) {
		recipe := mxRecipe(peer)
		require.NotEmpty(t, recipe, "no recipe for this file")
		q := &identify.MXBytes{Format: mxFormat(peer)}
		var err error
		switch {
		case strings.HasPrefix(peer, "ggml"):
			q.Codes, q.Scales = split[fp8.E8M0](t, file, name+"/blocks", layout.GGMLMXFP4)
		case strings.HasPrefix(peer, "fbgemm"):
			q.Codes, q.Scales = split[fp8.E8M0](t, file, name+"/blocks17", layout.FBGEMMMX4)
		default:
			q.Codes, err = file.U8(name + "/codes")
			require.NoError(t, err)
			if scales, err := file.U8(name + "/scale_e8m0"); err == nil {
				for _, b := range scales {
					q.Scales = append(q.Scales, fp8.E8M0FromBits(b))
				}
				break
			}
			scales, err := file.F32(name + "/scale_f32")
			require.NoError(t, err)
			for _, x := range scales {
				q.Scales = append(q.Scales, fp8.E8M0FromFloat32(x))
			}
		}
		matches, err := identify.MX(s, q)
		require.NoError(t, err)
		requireIdentified(t, matches, recipe)
	})
}

// split takes blocks of a file apart.
func split[T ~uint8](t *testing.T, file *safetensors.File, key string, b layout.Blocks) (codes []byte, scales []T) {
	src, err := file.U8(key)
	require.NoError(t, err)
	n := len(src) / b.Bytes()
	codes, scales = make([]byte, n*b.Values()/2), make([]T, n*b.Scales())
	require.NoError(t, layout.Split(codes, scales, src, b))
	return codes, scales
}

func TestMXOrder(t *testing.T) {
	s := normalBF16(130, 320, 1)
	w := mx.New(s.Rows, s.Cols, mx.TorchAOEven, mx.E5M2)
	mx.QuantizeBF16(w, s.BF16)
	scales := make([]fp8.E8M0, layout.Tiles128x4.Size(130, 10))
	layout.Swizzle(scales, w.Scales, 130, 10, layout.Tiles128x4)
	matches, err := identify.MX(s, &identify.MXBytes{Format: mx.E5M2, Codes: w.Codes, Scales: scales})
	require.NoError(t, err)
	requireIdentified(t, matches, "torchao-even")
	assert.Equal(t, 130*320, matches[0].Codes.Of)
	for _, m := range matches {
		assert.Equal(t, identify.NoAMax, m.AMaxFrom)
	}
}

func TestMXRagged(t *testing.T) {
	s := normalBF16(7, 45, 1)
	w := mx.New(s.Rows, s.Cols, mx.RCeil, mx.E4M3)
	mx.QuantizeBF16(w, s.BF16)
	var dense []byte
	for r := range 7 {
		dense = append(dense, w.Codes[64*r:][:45]...)
	}
	for _, codes := range [][]byte{w.Codes, dense} {
		matches, err := identify.MX(s, &identify.MXBytes{Format: mx.E4M3, Codes: codes, Scales: w.Scales})
		require.NoError(t, err)
		requireIdentified(t, matches, "rceil")
	}
}

func TestMXErrors(t *testing.T) {
	s := normalBF16(4, 64, 1)
	for want, q := range map[string]*identify.MXBytes{
		"identify: 255 codes for 4 × 64 values":            {Format: mx.E4M3, Codes: make([]byte, 255), Scales: make([]fp8.E8M0, 8)},
		"identify: 64 bytes of codes for 4 × 64 values":    {Format: mx.E2M1, Codes: make([]byte, 64), Scales: make([]fp8.E8M0, 8)},
		"identify: 7 scales for 4 × 2 blocks fit no order": {Format: mx.E4M3, Codes: make([]byte, 256), Scales: make([]fp8.E8M0, 7)},
		"identify: mx: no format 99":                       {Format: 99, Codes: make([]byte, 256), Scales: make([]fp8.E8M0, 8)},
	} {
		_, err := identify.MX(s, q)
		assert.EqualError(t, err, want)
	}
}

package main

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/mx"
	"github.com/trueup-rl/trueup/nvfp4"
)

// stored is a tensor for a file.
type stored struct {
	dtype string
	shape []int
	data  []byte
}

// writeTensors writes a safetensors file and returns its path.
func writeTensors(t *testing.T, tensors map[string]stored) string {
	header, body := map[string]any{}, []byte{}
	for name, s := range tensors {
		header[name] = map[string]any{"dtype": s.dtype, "shape": s.shape, "data_offsets": []int{len(body), len(body) + len(s.data)}}
		body = append(body, s.data...)
	}
	text, err := json.Marshal(header)
	require.NoError(t, err)
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	path := filepath.Join(t.TempDir(), "x.safetensors")
	require.NoError(t, os.WriteFile(path, append(append(file, text...), body...), 0o600))
	return path
}

func bytesOf[T ~uint8](x []T) []byte {
	b := make([]byte, len(x))
	for i, v := range x {
		b[i] = byte(v)
	}
	return b
}

func float32Bytes(x ...float32) (b []byte) {
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

const identifyRows, identifyCols = 64, 256

// identifyFiles writes a source of two matrices and a vector, and what became of the matrices.
func identifyFiles(t *testing.T) (source, quantized string, w []bf16.BF16) {
	rng := rand.New(rand.NewPCG(1, 1))
	w = make([]bf16.BF16, identifyRows*identifyCols)
	var data []byte
	for i := range w {
		w[i] = bf16.FromFloat32(float32(0.02 * rng.NormFloat64()))
		data = binary.LittleEndian.AppendUint16(data, w[i].Bits())
	}
	shape := []int{identifyRows, identifyCols}
	matrix := stored{"BF16", shape, data}
	source = writeTensors(t, map[string]stored{
		"up.weight": matrix, "down.weight": matrix, "gate.weight": matrix, "experts.weight": matrix, "lm_head.weight": matrix,
		"norm.weight": {"BF16", []int{2}, data[:4]},
	})

	n := nvfp4.New(identifyRows, identifyCols, nvfp4.TransformerEngine)
	nvfp4.QuantizeBF16(n, w, nvfp4.AMaxBF16(w))
	f := fp8.New(identifyRows, identifyCols, fp8.DeepGEMM, fp8.Tile128x128, fp8.FormatE4M3)
	fp8.QuantizeBF16(f, w, 0)
	m := mx.New(identifyRows, identifyCols, mx.RCeil, mx.E4M3)
	mx.QuantizeBF16(m, w)
	m4 := mx.New(identifyRows, identifyCols, mx.TorchAOEven, mx.E2M1)
	mx.QuantizeBF16(m4, w)
	quantized = writeTensors(t, map[string]stored{
		"up.weight":               {"U8", []int{identifyRows, identifyCols / 2}, n.Codes},
		"up.weight_scale":         {"F8_E4M3", []int{identifyRows, identifyCols / 16}, bytesOf(n.Scales)},
		"up.weight_scale_2":       {"F32", []int{}, float32Bytes(n.TensorScale / 2688)},
		"down.weight":             {"F8_E4M3", shape, f.Codes},
		"down.weight_scale_inv":   {"F32", []int{1, 2}, float32Bytes(f.Scales...)},
		"gate.weight":             {"F8_E4M3", shape, m.Codes},
		"gate.weight_scale":       {"U8", []int{identifyRows, identifyCols / 32}, bytesOf(m.Scales)},
		"experts.weight_packed":   {"U8", []int{identifyRows, identifyCols / 2}, m4.Codes},
		"experts.weight_scale":    {"U8", []int{identifyRows, identifyCols / 32}, bytesOf(m4.Scales)},
		"unrelated.weight_packed": {"U8", []int{1}, []byte{0}},
	})
	return source, quantized, w
}

func TestIdentify(t *testing.T) {
	source, quantized, _ := identifyFiles(t)
	out, err := run("identify", source, quantized)
	require.NoError(t, err)
	for _, want := range []string{
		"up.weight (64 × 256, NVFP4): made by\n  transformer-engine, linear, pairs: all of 1024 scales and 16384 codes\n",
		"down.weight (64 × 256, FP8 e4m3): made by\n  deepgemm, 128x128: all of 2 scales and 16384 codes\n",
		"gate.weight (64 × 256, MXFP8 e4m3): made by\n",
		"  rceil, linear: all of 512 scales and 16384 codes\n",
		"experts.weight (64 × 256, MXFP4): made by\n",
		"  torchao-even, linear, pairs: all of 512 scales and 16384 codes\n",
	} {
		assert.Contains(t, out, want)
	}
	assert.NotContains(t, out, "matrices", "there is one of each format")
	assert.NotContains(t, out, "lm_head")
	assert.NotContains(t, out, "norm")
}

// TestIdentifyAll has two matrices, the second one of another recipe for the second file.
func TestIdentifyAll(t *testing.T) {
	source, _, w := identifyFiles(t)
	tensors := map[string]stored{}
	add := func(module string, r nvfp4.Recipe) {
		n := nvfp4.New(identifyRows, identifyCols, r)
		nvfp4.QuantizeBF16(n, w, nvfp4.AMaxBF16(w))
		tensors[module+".weight"] = stored{"U8", []int{identifyRows, identifyCols / 2}, n.Codes}
		tensors[module+".weight_scale"] = stored{"F8_E4M3", []int{identifyRows, identifyCols / 16}, bytesOf(n.Scales)}
		tensors[module+".weight_scale_2"] = stored{"F32", []int{}, float32Bytes(n.TensorScale)}
	}
	add("up", nvfp4.TransformerEngine)
	add("down", nvfp4.TransformerEngine)
	out, err := run("identify", source, writeTensors(t, tensors))
	require.NoError(t, err)
	assert.Contains(t, out, "all 2 NVFP4 matrices were made by: flashinfer-te, ")
	assert.Contains(t, out, ", transformer-engine\n")

	add("down", nvfp4.OptimalMSE)
	out, err = run("identify", source, writeTensors(t, tensors))
	require.NoError(t, err)
	assert.Contains(t, out, "all 2 NVFP4 matrices were made by: no one recipe\n")
}

func TestIdentifyJSON(t *testing.T) {
	source, quantized, _ := identifyFiles(t)
	out, err := run("identify", "--json", "--all", "--tensor", "up.weight", source, quantized)
	require.NoError(t, err)
	var got []identifiedJSON
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	require.Len(t, got, 1)
	assert.True(t, got[0].Exact)
	require.Len(t, got[0].Matches, len(nvfp4.Recipes()))
	first, last := got[0].Matches[0], got[0].Matches[len(got[0].Matches)-1]
	assert.True(t, first.Exact)
	assert.Nil(t, first.First)
	assert.False(t, last.Exact)
	require.NotNil(t, last.First)
	assert.NotEqual(t, last.First.Got, last.First.Want)
}

// TestIdentifyFused has a tensor scale from a fused group, and a byte that no recipe makes.
func TestIdentifyFused(t *testing.T) {
	source, _, w := identifyFiles(t)
	n := nvfp4.New(identifyRows, identifyCols, nvfp4.ModelOpt)
	nvfp4.QuantizeBF16(n, w, 0.25)
	tensors := func() string {
		return writeTensors(t, map[string]stored{
			"up.weight":         {"U8", []int{identifyRows, identifyCols / 2}, n.Codes},
			"up.weight_scale":   {"F8_E4M3", []int{identifyRows, identifyCols / 16}, bytesOf(n.Scales)},
			"up.weight_scale_2": {"F32", []int{1}, float32Bytes(n.TensorScale)},
		})
	}
	out, err := run("identify", source, tensors())
	require.NoError(t, err)
	assert.Contains(t, out, "modelopt, linear, pairs: all of 1024 scales and 16384 codes; amax 0.25, not the source's own, from the tensor scale\n")

	n.Codes[5] ^= 1
	out, err = run("identify", source, tensors())
	require.NoError(t, err)
	assert.Contains(t, out, "made by none of the recipes; nearest\n")
	assert.Contains(t, out, "16383 of 16384 codes; row 0 column 10: code 0x")
}

func TestIdentifyErrors(t *testing.T) {
	source, quantized, _ := identifyFiles(t)
	weight := stored{"U8", []int{1, 2}, []byte{1, 2}}
	for want, args := range map[string][]string{
		"accepts 2 arg(s), received 1":                         {source},
		"no such file":                                         {source, "none.safetensors"},
		`tensor "none": not in the source file`:                {"--tensor", "none", source, quantized},
		`tensor "lm_head.weight": no quantized form found`:     {"--tensor", "lm_head.weight", source, quantized},
		`tensor "norm.weight": no quantized form found: shape`: {"--tensor", "norm.weight", source, quantized},
		"has no quantized form of a matrix":                    {source, writeTensors(t, map[string]stored{"x": weight})},
		`tensor "up.weight": identify: 2 bytes of codes for 64 × 256 values`: {source, writeTensors(t, map[string]stored{
			"up.weight": weight, "up.weight_scale": {"F8_E4M3", []int{1024}, make([]byte, 1024)}})},
		`tensor "up.weight": up.weight_scale: scales of 4-bit codes are of type F32`: {source, writeTensors(t, map[string]stored{
			"up.weight": weight, "up.weight_scale": {"F32", []int{1}, make([]byte, 4)}})},
		`tensor "up.weight": up.weight_scale: scales of FP8 codes are of type F64`: {source, writeTensors(t, map[string]stored{
			"up.weight": {"F8_E4M3", []int{1}, []byte{1}}, "up.weight_scale": {"F64", []int{1}, make([]byte, 8)}})},
	} {
		_, err := run(append([]string{"identify"}, args...)...)
		assert.ErrorContains(t, err, want)
	}
}

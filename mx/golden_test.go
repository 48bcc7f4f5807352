package mx_test

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
	"github.com/trueup-rl/trueup/internal/safetensors"
	"github.com/trueup-rl/trueup/mx"
)

// oracle says which recipe and format reproduce a file of peer vectors, and how it stores a case. It
// holds for every case in the file but the exceptions.
type oracle struct {
	format mx.Format
	recipe mx.Recipe
	stored storage
	except []exception
}

// exception is a kind of blocks for which the recipe is documented not to follow the peer, and the
// scale that they have instead.
type exception struct {
	reason string
	holds  func(block []float32) bool
	scale  fp8.E8M0
}

var (
	lostNaN = exception{"ModelOpt writes scale 2^-127 for a block with a NaN", hasNaN, 0xFF}
	lostInf = exception{"ModelOpt writes scale 2^-127 and zeros for an MXFP4 block with an infinity", hasInf, 0xFE}
	wrapped = exception{"ggml wraps scales around for blocks below 2^-125", isBelow, 0}
)

func hasNaN(block []float32) bool { return math.IsNaN(amax(block)) }
func hasInf(block []float32) bool { return math.IsInf(amax(block), 1) }

func isBelow(block []float32) bool {
	a := amax(block)
	return a > 0 && a < 0x1p-125
}

func amax(block []float32) (a float64) {
	for _, x := range block {
		a = max(a, math.Abs(float64(x)))
	}
	return a
}

// storage reads the codes and scales of a case, in the order of a mx.Tensor, for rows × cols values.
type storage func(t *testing.T, file *safetensors.File, c string) (codes, scales []byte)

func apart(t *testing.T, file *safetensors.File, c string) (codes, scales []byte) {
	codes, err := file.U8(c + "/codes")
	require.NoError(t, err)
	scales, err = file.U8(c + "/scale_e8m0")
	require.NoError(t, err)
	return codes, scales
}

// apartF32 has the scales' values.
func apartF32(t *testing.T, file *safetensors.File, c string) (codes, scales []byte) {
	codes, err := file.U8(c + "/codes")
	require.NoError(t, err)
	values, err := file.F32(c + "/scale_f32")
	require.NoError(t, err)
	for _, v := range values {
		s := fp8.E8M0FromFloat32(v)
		require.Equal(t, v, s.Float32())
		scales = append(scales, s.Bits())
	}
	return codes, scales
}

// blocksOf17 has 16 bytes of codes and the scale by turns.
func blocksOf17(t *testing.T, file *safetensors.File, c string) (codes, scales []byte) {
	data, err := file.U8(c + "/blocks17")
	require.NoError(t, err)
	for ; len(data) > 0; data = data[17:] {
		codes, scales = append(codes, data[:16]...), append(scales, data[16])
	}
	return codes, scales
}

// blocksOfGGML has a scale and 16 bytes by turns, byte j with columns j and j+16.
func blocksOfGGML(t *testing.T, file *safetensors.File, c string) (codes, scales []byte) {
	data, err := file.U8(c + "/blocks")
	require.NoError(t, err)
	for ; len(data) > 0; data = data[17:] {
		scales = append(scales, data[0])
		column := func(j int) byte { return data[1+j%16] >> (j / 16 * 4) & 0xF }
		for j := 0; j < 32; j += 2 {
			codes = append(codes, column(j)|column(j+1)<<4)
		}
	}
	return codes, scales
}

var oracles = map[string]oracle{
	"torchao_to_mx_e2m1_floor":      {mx.E2M1, mx.TorchAOFloor, apart, nil},
	"torchao_to_mx_e2m1_ceil":       {mx.E2M1, mx.TorchAOCeil, apart, nil},
	"torchao_to_mx_e2m1_even":       {mx.E2M1, mx.TorchAOEven, apart, nil},
	"torchao_to_mx_e2m1_rceil":      {mx.E2M1, mx.TorchAORCeil, apart, nil},
	"torchao_to_mx_e4m3_floor":      {mx.E4M3, mx.TorchAOFloor, apart, nil},
	"torchao_to_mx_e4m3_ceil":       {mx.E4M3, mx.TorchAOCeil, apart, nil},
	"torchao_to_mx_e4m3_even":       {mx.E4M3, mx.TorchAOEven, apart, nil},
	"torchao_to_mx_e4m3_rceil":      {mx.E4M3, mx.TorchAORCeil, apart, nil},
	"torchao_to_mx_e5m2_floor":      {mx.E5M2, mx.TorchAOFloor, apart, nil},
	"torchao_to_mx_e5m2_ceil":       {mx.E5M2, mx.TorchAOCeil, apart, nil},
	"torchao_to_mx_e5m2_even":       {mx.E5M2, mx.TorchAOEven, apart, nil},
	"torchao_to_mx_e5m2_rceil":      {mx.E5M2, mx.TorchAORCeil, apart, nil},
	"torchao_to_mx_e2m3_floor":      {mx.E2M3, mx.TorchAOFloor, apart, nil},
	"torchao_to_mx_e3m2_floor":      {mx.E3M2, mx.TorchAOFloor, apart, nil},
	"modelopt_MXFP4QTensor":         {mx.E2M1, mx.ModelOpt, apart, []exception{lostNaN, lostInf}},
	"modelopt_MXFP8QTensor":         {mx.E4M3, mx.ModelOpt, apart, []exception{lostNaN}},
	"compressed_tensors_mxfp4_pack": {mx.E2M1, mx.CompressedTensors, apart, nil},
	"compressed_tensors_mxfp8":      {mx.E4M3, mx.CompressedTensors, apart, nil},
	"deepgemm_fp4_gran32_ue8m0":     {mx.E2M1, mx.DeepGEMM, apartF32, nil},
	"fbgemm_py_quantize_mx4_floor":  {mx.E2M1, mx.FBGEMMFloor, blocksOf17, nil},
	"fbgemm_py_quantize_mx4_ceil":   {mx.E2M1, mx.FBGEMMCeil, blocksOf17, nil},
	"fbgemm_py_quantize_mx4_even":   {mx.E2M1, mx.FBGEMMEven, blocksOf17, nil},

	"fbgemm_py_quantize_mx4_nearest": {mx.E2M1, mx.FBGEMMNearest, blocksOf17, nil},

	"ggml_block_mxfp4":              {mx.E2M1, mx.GGML, blocksOfGGML, []exception{wrapped}},
	"microxcaling_fp4_e2m1_nearest": {mx.E2M1, mx.MicroxcalingNearest, nil, nil},
	"microxcaling_fp4_e2m1_even":    {mx.E2M1, mx.MicroxcalingEven, nil, nil},
	"microxcaling_fp8_e4m3_nearest": {mx.E4M3, mx.MicroxcalingNearest, nil, nil},
	"microxcaling_fp8_e4m3_even":    {mx.E4M3, mx.MicroxcalingEven, nil, nil},
	"microxcaling_fp8_e5m2_nearest": {mx.E5M2, mx.MicroxcalingNearest, nil, nil},
	"microxcaling_fp8_e5m2_even":    {mx.E5M2, mx.MicroxcalingEven, nil, nil},
}

func TestGolden(t *testing.T) {
	golden.EachPeer(t, "mx", oracles, func(t *testing.T, p *golden.Peer, o oracle) {
		p.EachCase(t, func(t *testing.T, c string, x golden.Matrix) {
			kerneltest.EachLevel(t, func(t *testing.T) { o.compare(t, p.File, c, x) })
		})
	})
}

// packed has four scales a word, the first lowest; a row's last word may be incomplete.
func packed(t *testing.T, file *safetensors.File, c string) (codes, scales []byte) {
	codes, err := file.U8(c + "/codes")
	require.NoError(t, err)
	words, err := file.I32(c + "/packed_i32")
	require.NoError(t, err)
	tensor, _ := file.Tensor(c + "/codes")
	rows, blocks := tensor.Shape[0], mx.RowScales(tensor.Shape[1])
	perRow := len(words) / rows
	for i := range rows * blocks {
		row, j := i/blocks, i%blocks
		scales = append(scales, byte(words[row*perRow+j/4]>>(j%4*8)))
	}
	return codes, scales
}

// TestGoldenMXFP8OfDeepGEMM is of a file among those of package fp8, with blocks of 32.
func TestGoldenMXFP8OfDeepGEMM(t *testing.T) {
	path := golden.Dir(t, "formats/fp8/deepgemm_per_token_1x32_packed_ue8m0.safetensors")
	file, err := safetensors.Open(path)
	require.NoError(t, err)
	inputs, err := safetensors.Open(filepath.Join(filepath.Dir(path), "inputs.safetensors"))
	require.NoError(t, err)
	o := oracle{mx.E4M3, mx.DeepGEMM, packed, nil}
	kerneltest.EachLevel(t, func(t *testing.T) {
		for _, name := range file.Names() {
			if c, ok := strings.CutSuffix(name, "/codes"); ok {
				t.Run(c, func(t *testing.T) { o.compare(t, file, c, golden.ReadMatrix(t, inputs, c)) })
			}
		}
	})
}

// blockOf returns the values of a block of x, without padding.
func blockOf(x golden.Matrix, i int) []float32 {
	scales := mx.RowScales(x.Cols)
	row, first := x.F32[i/scales*x.Cols:][:x.Cols], i%scales*mx.BlockSize
	return row[first:min(first+mx.BlockSize, x.Cols)]
}

func (o oracle) compare(t *testing.T, file *safetensors.File, c string, x golden.Matrix) {
	if o.stored == nil {
		o.compareValues(t, file, c, x)
		return
	}
	codes, scales := o.stored(t, file, c)
	got := mx.New(x.Rows, x.Cols, o.recipe, o.format)
	if x.BF16 != nil {
		mx.QuantizeBF16(got, x.BF16)
	} else {
		mx.Quantize(got, x.F32)
	}
	require.Len(t, got.Scales, len(scales))
	require.Len(t, got.Codes, len(codes))
	skipped := map[string]int{}
	bytes := len(codes) / max(len(scales), 1)
	for i, s := range scales {
		if e := o.exception(blockOf(x, i)); e != nil {
			require.Equal(t, e.scale, got.Scales[i], e.reason)
			skipped[e.reason]++
			continue
		}
		if got.Scales[i].Bits() != s {
			t.Fatalf("block %d, amax %x: scale %#x, want %#x", i, amax(blockOf(x, i)), got.Scales[i].Bits(), s)
		}
		for j, want := range codes[i*bytes:][:bytes] {
			if g := got.Codes[i*bytes+j]; g != want && !o.noNumber(blockOf(x, i), j, g, want) {
				t.Fatalf("block %d, amax %x, scale %#x: code byte %d: %#x, want %#x", i, amax(blockOf(x, i)), s, j, g, want)
			}
		}
	}
	for reason, n := range skipped {
		t.Logf("%d blocks not compared: %s", n, reason)
	}
}

func (o oracle) exception(block []float32) *exception {
	for i := range o.except {
		if o.except[i].holds(block) {
			return &o.except[i]
		}
	}
	return nil
}

// noNumber reports whether two different bytes of codes stand for NaNs: both, or in formats without
// one, since the block's scale is NaN, and one of the values or all of the quotients are.
func (o oracle) noNumber(block []float32, j int, got, want byte) bool {
	switch {
	case o.format == mx.E4M3:
		return fp8.E4M3(got).IsNaN() && fp8.E4M3(want).IsNaN()
	case o.format == mx.E5M2:
		return fp8.E5M2(got).IsNaN() && fp8.E5M2(want).IsNaN()
	case !hasNaN(block):
		return false
	case o.recipe == mx.TorchAORCeil:
		return true
	case o.format == mx.E2M1:
		isNumber := func(x float32) bool { return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) }
		even, odd := isNumber(block[2*j]), isNumber(block[2*j+1])
		return (!even || got&0x0F == want&0x0F) && (!odd || got&0xF0 == want&0xF0)
	}
	return math.IsNaN(float64(block[j])) || math.IsInf(float64(block[j]), 0)
}

// compareValues is for a peer that gives values instead of codes.
func (o oracle) compareValues(t *testing.T, file *safetensors.File, c string, x golden.Matrix) {
	want, err := file.F32(c + "/dequant")
	require.NoError(t, err)
	got := make([]float32, len(x.F32))
	mx.FakeQuantize(got, x.F32, x.Rows, x.Cols, o.recipe, o.format)
	require.Len(t, want, len(got))
	for i, w := range want {
		if math.Float32bits(got[i]) != math.Float32bits(w) {
			t.Fatalf("value %d: %x: got %x, want %x", i, x.F32[i], got[i], w)
		}
	}
}

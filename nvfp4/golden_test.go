package nvfp4_test

import (
	"bytes"
	"math"
	"slices"
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

// oracle says which recipe reproduces a file of peer vectors, and under what names the file keeps the
// peer's output. It holds for every case in the file, NaN being one class in scales, in the tensor's
// scale and in dequantized values; exempt says where not.
type oracle struct {
	recipe  nvfp4.Recipe
	prepare func(x matrix) matrix // what the peer does to the input before
	columns bool                  // by QuantizeTransposed

	codes, scales, scale string // "" for what the file lacks
	decoded              bool   // scales are float32
	blocks               string // codes and scales in ggml's blocks
	swizzled             string // scales in the 128×4 layout
	paddedRows           bool   // scales of rows that fill up a tile
	bf16Dequant          bool   // whatever the input

	exempt []exemption
}

// exemption names what is not compared, and why.
type exemption struct {
	why  string
	what func(x matrix, want *nvfp4.Tensor) skip
}

// skip says what is not compared: all, or bytes of codes.
type skip struct {
	all   bool
	codes func(i int) bool
}

var (
	modelOpt = oracle{recipe: nvfp4.ModelOpt, codes: "codes", scales: "scale_e4m3", scale: "scale_2"}
	torchAO2 = oracle{recipe: nvfp4.TorchAOTwoLevel, codes: "codes", scales: "scale_e4m3", scale: "per_tensor_scale",
		exempt: []exemption{torchAONaN}}
)

// te is an oracle of TransformerEngine's row-wise output.
func te(r nvfp4.Recipe) oracle {
	return oracle{recipe: r, codes: "codes", scales: "scale_e4m3", scale: "amax"}
}

// teColumns is an oracle of TransformerEngine's column-wise output.
func teColumns(r nvfp4.Recipe) oracle {
	return oracle{recipe: r, codes: "codes_t", scales: "scale_t_e4m3", scale: "amax_t", columns: true}
}

// teRHT is an oracle of the column-wise output with a Hadamard transform.
func teRHT(signs nvfp4.Signs) oracle {
	o := teColumns(nvfp4.TransformerEngine)
	o.columns = false
	o.prepare = func(x matrix) matrix { return x.transposedHadamard(signs) }
	o.exempt = []exemption{subnormalTerms}
	return o
}

func fouroversix(r nvfp4.Recipe) oracle {
	return oracle{recipe: r, codes: "codes", scales: "scale", scale: "amax"}
}

var oracles = map[string][]oracle{
	"modelopt_NVFP4QTensor": {modelOpt, modelOpt.with(func(o *oracle) {
		o.recipe, o.exempt = nvfp4.Default, []exemption{modelOptNaN}
	})},
	"te_ref_1x16":                    {te(nvfp4.TransformerEngine)},
	"te_ref_1x16_rowscaled":          {te(nvfp4.TransformerEngineRowScaled)},
	"te_ref_1x16_columnwise":         {teColumns(nvfp4.TransformerEngine)},
	"te_ref_1x16_rht_signed":         {te(nvfp4.TransformerEngine), teRHT(nvfp4.RandomSigns)},
	"te_ref_1x16_rht_unsigned":       {te(nvfp4.TransformerEngine), teRHT(nvfp4.NoSigns)},
	"te_ref_16x16":                   {te(nvfp4.TransformerEngineTile), teColumns(nvfp4.TransformerEngineTile)},
	"te_ref_16x16_padded_rows":       {te(nvfp4.TransformerEngineTile).with(func(o *oracle) { o.paddedRows = true })},
	"te_ref_4over6_mse_256":          {te(nvfp4.TransformerEngine4Over6MSE256)},
	"te_ref_4over6_mse_448":          {te(nvfp4.TransformerEngine4Over6MSE448)},
	"te_ref_4over6_mae_256":          {te(nvfp4.TransformerEngine4Over6MAE256)},
	"te_ref_4over6_mae_448":          {te(nvfp4.TransformerEngine4Over6MAE448)},
	"te_ref_4over6_mse_256_16x16":    {te(nvfp4.TransformerEngine4Over6MSE256Tile)},
	"te_ref_4over6_mse_448_fastmath": {te(nvfp4.TransformerEngine4Over6MSE448Fast)},

	"compressed_tensors_nvfp4_pack": {{recipe: nvfp4.CompressedTensors, codes: "weight_packed", scales: "weight_scale",
		scale: "weight_global_scale", bf16Dequant: true}},

	"torchao_NVFP4Tensor_two_level":       {torchAO2},
	"torchao_NVFP4Tensor_swizzled_scales": {{recipe: nvfp4.TorchAOTwoLevel, swizzled: "scale_swizzled"}},
	"torchao_NVFP4Tensor_one_level": {{recipe: nvfp4.TorchAOOneLevel, codes: "codes", scales: "scale_e4m3",
		exempt: []exemption{torchAONaN}}},

	"flashinfer_testref_te_exact":     {{recipe: nvfp4.FlashInferTE, codes: "codes", scales: "scale_e4m3"}},
	"flashinfer_testref_te_per_token": {{recipe: nvfp4.FlashInferTEPerToken, codes: "codes", scales: "scale_e4m3"}},
	"flashinfer_testref_ref_fp4_quant": {{recipe: nvfp4.FlashInferReference, codes: "codes", scales: "scale_f32",
		decoded: true, scale: "global_scale"}},

	"ggml_block_nvfp4": {{recipe: nvfp4.GGML, blocks: "blocks"}},

	"fouroversix_ref_mse":      {fouroversix(nvfp4.FourOverSixMSE)},
	"fouroversix_ref_mae":      {fouroversix(nvfp4.FourOverSixMAE)},
	"fouroversix_ref_abs_max":  {fouroversix(nvfp4.FourOverSixAbsMax)},
	"fouroversix_ref_static_6": {fouroversix(nvfp4.FourOverSixStatic6)},
	"fouroversix_ref_static_4": {fouroversix(nvfp4.FourOverSixStatic4)},
	"fouroversix_ref_mse_2d":   {fouroversix(nvfp4.FourOverSixMSETile)},
	"fouroversix_ref_static6_2d": {
		fouroversix(nvfp4.FourOverSixStatic6Tile)},
	"fouroversix_ref_mse_rht": {fouroversix(nvfp4.FourOverSixMSE).with(func(o *oracle) {
		o.prepare = func(x matrix) matrix { return x.hadamard(nvfp4.RandomSigns) }
		o.exempt = []exemption{subnormalTerms}
	})},

	"qwantize_nvfp4_optimal_mse_scale": {{recipe: nvfp4.OptimalMSE, scales: "scale_f32", decoded: true}},
}

func (o oracle) with(edit func(o *oracle)) oracle {
	edit(&o)
	return o
}

var (
	modelOptNaN = exemption{
		"ModelOpt writes NaN for an input that is finite; Default does not",
		func(x matrix, want *nvfp4.Tensor) skip {
			return skip{all: x.finite() && slices.ContainsFunc(want.Scales, fp8.E4M3.IsNaN)}
		},
	}
	torchAONaN = exemption{
		"torchao's code of a NaN depends on its sign and payload: of an input's, and of zero times an infinity",
		func(x matrix, want *nvfp4.Tensor) skip {
			infinite := math.IsInf(float64(1/want.TensorScale), 0)
			nans := slices.ContainsFunc(x.F32, func(f float32) bool { return f != f })
			return skip{codes: func(i int) bool {
				return nans && want.Scales[i/8].IsNaN() || infinite && (x.F32[2*i] == 0 || x.F32[2*i+1] == 0)
			}}
		},
	}
	subnormalTerms = exemption{
		"torch's products of subnormals are not those of the documented order",
		func(x matrix, want *nvfp4.Tensor) skip {
			return skip{all: x.amax() > 0 && x.amax() < 0x1p-120}
		},
	}
)

func TestGolden(t *testing.T) {
	golden.EachPeer(t, "nvfp4", oracles, func(t *testing.T, p *golden.Peer, all []oracle) {
		p.EachCase(t, func(t *testing.T, c string, x golden.Matrix) {
			kerneltest.EachLevel(t, func(t *testing.T) {
				for _, o := range all {
					x := matrix{x}
					if o.prepare != nil {
						x = o.prepare(x)
					}
					o.compare(t, peerOutput{t, p.File, c + "/"}, x)
				}
			})
		})
	})
}

func (o oracle) compare(t *testing.T, peer peerOutput, x matrix) {
	got := x.quantize(o.recipe, o.columns)
	want := &nvfp4.Tensor{Rows: got.Rows, Cols: got.Cols, Recipe: o.recipe,
		Codes: got.Codes, Scales: got.Scales, TensorScale: got.TensorScale, TensorScales: got.TensorScales}
	perRow := nvfp4.RowScales(got.Cols)

	if o.scales != "" {
		want.Scales = peer.scales(o.scales, o.decoded)
	}
	if o.paddedRows {
		n := got.Rows * perRow
		last := want.Scales[n-perRow : n]
		for padding := want.Scales[n:]; len(padding) > 0; padding = padding[perRow:] {
			assert.Equal(t, last, padding[:perRow], "the tile's scales")
		}
		require.Zero(t, len(want.Scales)/perRow%16)
		want.Scales = want.Scales[:n]
	}
	if o.swizzled != "" {
		assert.Equal(t, peer.u8(o.swizzled), classes(swizzle(got)), "swizzled scales")
		return
	}
	if o.blocks != "" {
		want.Codes, want.Scales = fromGGML(peer.u8(o.blocks))
	}
	if o.codes != "" {
		want.Codes = peer.u8(o.codes)
	}
	if scale := o.scale; scale != "" && o.recipe.PerRow() {
		want.TensorScales = peer.f32(scale)
	} else if scale != "" {
		want.TensorScale = peer.f32(scale)[0]
	}

	var skip skip
	for _, e := range o.exempt {
		if skip = e.what(x, want); skip.all {
			t.Logf("not compared: %s", e.why)
			for _, s := range got.Scales {
				assert.False(t, s.IsNaN())
			}
			return
		}
	}
	requireSameBut(t, want, got, skip.codes)
	o.compareDequant(t, peer, want, x)
}

func (o oracle) compareDequant(t *testing.T, peer peerOutput, q *nvfp4.Tensor, x matrix) {
	if !peer.has("dequant") {
		return
	}
	want, _ := golden.Floats(t, peer.file, peer.c+"dequant")
	got := make([]float32, q.Rows*q.Cols)
	if x.BF16 != nil || o.bf16Dequant {
		half := make([]bf16.BF16, len(got))
		nvfp4.DequantizeBF16(half, q)
		bf16.Decode(got, half)
	} else {
		nvfp4.Dequantize(got, q)
	}
	require.Len(t, got, len(want))
	for i := range got {
		if !golden.SameFloat(want[i], got[i]) {
			t.Fatalf("value %d of [%d,%d]: dequantized %v, want %v", i, q.Rows, q.Cols, got[i], want[i])
		}
	}
}

// matrix is a case's input.
type matrix struct{ golden.Matrix }

// newMatrix returns a matrix of float32 or, where half is not nil, of BF16.
func newMatrix(rows, cols int, values []float32, half []bf16.BF16) matrix {
	if half != nil {
		bf16.Decode(values, half)
	}
	return matrix{golden.Matrix{Rows: rows, Cols: cols, F32: values, BF16: half}}
}

func (x matrix) amax() float32 { return nvfp4.AMax(x.F32) }

func (x matrix) finite() bool { return x.amax() <= math.MaxFloat32 }

func (x matrix) transposedHadamard(signs nvfp4.Signs) matrix {
	values := make([]float32, len(x.F32))
	if x.BF16 == nil {
		nvfp4.HadamardTransposed(values, x.F32, x.Rows, x.Cols, signs)
		return newMatrix(x.Cols, x.Rows, values, nil)
	}
	half := make([]bf16.BF16, len(x.BF16))
	nvfp4.HadamardTransposed(half, x.BF16, x.Rows, x.Cols, signs)
	return newMatrix(x.Cols, x.Rows, values, half)
}

func transpose[T any](x []T, rows, cols int) []T {
	y := make([]T, len(x))
	for i := range x {
		y[i%cols*rows+i/cols] = x[i]
	}
	return y
}

func (x matrix) hadamard(signs nvfp4.Signs) matrix {
	values := make([]float32, len(x.F32))
	if x.BF16 == nil {
		nvfp4.Hadamard(values, x.F32, signs)
		return newMatrix(x.Rows, x.Cols, values, nil)
	}
	half := make([]bf16.BF16, len(x.BF16))
	nvfp4.HadamardBF16(half, x.BF16, signs)
	return newMatrix(x.Rows, x.Cols, values, half)
}

// quantize returns x, or its transpose, by the recipe.
func (x matrix) quantize(r nvfp4.Recipe, columns bool) *nvfp4.Tensor {
	switch {
	case columns && x.BF16 != nil:
		q := nvfp4.New(x.Cols, x.Rows, r)
		nvfp4.QuantizeTransposed(q, x.BF16, x.amax())
		return q
	case columns:
		q := nvfp4.New(x.Cols, x.Rows, r)
		nvfp4.QuantizeTransposed(q, x.F32, x.amax())
		return q
	case x.BF16 != nil:
		q := nvfp4.New(x.Rows, x.Cols, r)
		nvfp4.QuantizeBF16(q, x.BF16, nvfp4.AMaxBF16(x.BF16))
		return q
	}
	q := nvfp4.New(x.Rows, x.Cols, r)
	nvfp4.Quantize(q, x.F32, x.amax())
	return q
}

// peerOutput is what a peer made of a case.
type peerOutput struct {
	t    *testing.T
	file *safetensors.File
	c    string // with a slash
}

func (p peerOutput) has(field string) bool {
	_, ok := p.file.Tensor(p.c + field)
	return ok
}

func (p peerOutput) u8(field string) []byte {
	v, err := p.file.U8(p.c + field)
	require.NoError(p.t, err)
	return v
}

func (p peerOutput) f32(field string) []float32 {
	v, err := p.file.F32(p.c + field)
	require.NoError(p.t, err)
	return v
}

// scales returns a field of E4M3 bytes, or of their values.
func (p peerOutput) scales(field string, decoded bool) []fp8.E4M3 {
	if !decoded {
		return toE4M3(p.u8(field))
	}
	values := p.f32(field)
	scales := make([]fp8.E4M3, len(values))
	for i, v := range values {
		scales[i] = fp8.E4M3FromFloat32(v)
		require.True(p.t, golden.SameFloat(v, scales[i].Float32()))
	}
	return scales
}

func toE4M3(bits []uint8) []fp8.E4M3 {
	out := make([]fp8.E4M3, len(bits))
	for i, b := range bits {
		out[i] = fp8.E4M3FromBits(b)
	}
	return out
}

// fromGGML reads ggml's blocks of 64: four scales, then the codes, where byte j of a sub-block has
// those of values j and j+8.
func fromGGML(blocks []byte) (codes []byte, scales []fp8.E4M3) {
	for ; len(blocks) > 0; blocks = blocks[36:] {
		scales = append(scales, toE4M3(blocks[:4])...)
		for sub := range 4 {
			packed := blocks[4+8*sub:][:8]
			for j := range 4 {
				codes = append(codes, packed[2*j]&15|packed[2*j+1]&15<<4)
			}
			for j := range 4 {
				codes = append(codes, packed[2*j]>>4|packed[2*j+1]>>4<<4)
			}
		}
	}
	return codes, scales
}

// swizzle returns the scales in tiles of 128 × 4, as cuBLAS takes them, with zeros around.
func swizzle(q *nvfp4.Tensor) []byte {
	cols := nvfp4.RowScales(q.Cols)
	tiles := (cols + 3) / 4
	out := make([]byte, (q.Rows+127)/128*tiles*512)
	for i, s := range q.Scales {
		m, k := i/cols, i%cols
		out[m/128*tiles*512+k/4*512+m%32*16+m%128/32*4+k%4] = s.Bits()
	}
	return out
}

// classes makes one code of the NaNs, the one that torch writes for an all-zero tensor.
func classes(scales []byte) []byte {
	for i, s := range scales {
		if s == 0x7F {
			scales[i] = 0xFF
		}
	}
	return scales
}

func requireSame(t *testing.T, want, got *nvfp4.Tensor) {
	t.Helper()
	requireSameBut(t, want, got, nil)
}

// requireSameBut compares tensors, but for some bytes of codes.
func requireSameBut(t *testing.T, want, got *nvfp4.Tensor, skip func(i int) bool) {
	t.Helper()
	if !golden.SameFloat(want.TensorScale, got.TensorScale) {
		t.Fatalf("tensor scale %v, want %v", got.TensorScale, want.TensorScale)
	}
	require.Len(t, got.TensorScales, len(want.TensorScales))
	for i, s := range got.TensorScales {
		if !golden.SameFloat(want.TensorScales[i], s) {
			t.Fatalf("tensor scale %v of row %d, want %v", s, i, want.TensorScales[i])
		}
	}
	require.Len(t, got.Scales, len(want.Scales))
	for i, s := range got.Scales {
		if w := want.Scales[i]; s != w && !(s.IsNaN() && w.IsNaN()) {
			t.Fatalf("scale %d: %#02x, want %#02x", i, s.Bits(), w.Bits())
		}
	}
	require.Len(t, got.Codes, len(want.Codes))
	if bytes.Equal(want.Codes, got.Codes) {
		return
	}
	for i := range got.Codes {
		if got.Codes[i] != want.Codes[i] && (skip == nil || !skip(i)) {
			t.Fatalf("codes %d: %#02x, want %#02x, scale %#02x", i, got.Codes[i], want.Codes[i], got.Scales[i/8].Bits())
		}
	}
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
				x := matrix{golden.ReadMatrix(t, weights, name)}
				codes, err := peers.U8(name + ".modelopt.codes")
				require.NoError(t, err)
				scales, err := peers.U8(name + ".modelopt.scales_e4m3")
				require.NoError(t, err)
				global, err := peers.F32(name + ".modelopt.global_scale")
				require.NoError(t, err)
				for _, r := range []nvfp4.Recipe{nvfp4.Default, nvfp4.ModelOpt} {
					got := nvfp4.New(x.Rows, x.Cols, r)
					nvfp4.QuantizeBF16(got, x.BF16, nvfp4.AMaxBF16(x.BF16))
					requireSame(t, &nvfp4.Tensor{Codes: codes, Scales: toE4M3(scales), TensorScale: global[0]}, got)
				}
			})
		}
	})
}

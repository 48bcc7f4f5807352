// Package bench measures trueup against memory: every kernel runs in turn with a
// plain stream that reads and writes as many bytes, in one run, so that the
// ratio of the two holds on a shared and noisy machine.
package bench

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/layout"
	"github.com/trueup-rl/trueup/logprob"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/mx"
	"github.com/trueup-rl/trueup/nvfp4"
	"github.com/trueup-rl/trueup/roundoff"
	"github.com/trueup-rl/trueup/rows"
)

// Kernel is something to measure.
type Kernel struct {
	Name string
	// New prepares n elements and returns a function that works on all of them
	// and how many bytes that reads and writes.
	New func(n int) (run func(), read, written int)
}

// Size is a number of elements: about as many float32 values as the second-level
// cache holds beside their result, and far beyond the last-level cache. Portable
// is that of the portable code, which computing holds up and memory does not: a
// sixteenth does there.
type Size struct {
	Name               string
	Elements, Portable int
}

// Sizes are those that kernels are measured at.
var Sizes = []Size{{"L2", 48 << 10, 48 << 10}, {"DRAM", 16 << 20, 1 << 20}}

// columns of the matrices that are quantized, and of scales of blocks: 128 rows
// of these are a whole tile's.
const (
	columns         = 1024
	columnsOfScales = 128
)

// Kernels are all that are measured.
var Kernels = []Kernel{
	{"f32_bf16", func(n int) (func(), int, int) {
		x, y := normal(n), make([]bf16.BF16, n)
		return func() { bf16.Encode(y, x) }, 4 * n, 2 * n
	}},
	{"bf16_f32", func(n int) (func(), int, int) {
		x, y := normalBF16(n), make([]float32, n)
		return func() { bf16.Decode(y, x) }, 2 * n, 4 * n
	}},
	{"f32_e4m3", func(n int) (func(), int, int) {
		x, y := normal(n), make([]fp8.E4M3, n)
		return func() { fp8.EncodeE4M3(y, x) }, 4 * n, n
	}},
	{"f32_e4m3_scaled", func(n int) (func(), int, int) {
		x, y := normal(n), make([]fp8.E4M3, n)
		scale := fp8.ScaleE4M3(fp8.AMax(x))
		return func() { fp8.QuantizeE4M3(y, x, scale) }, 4 * n, n
	}},
	{"e4m3_f32", func(n int) (func(), int, int) {
		x, y := make([]fp8.E4M3, n), make([]float32, n)
		fp8.EncodeE4M3(x, normal(n))
		return func() { fp8.DequantizeE4M3(y, x, 0.5) }, n, 4 * n
	}},
	{"amax_f32", func(n int) (func(), int, int) {
		x := normal(n)
		return func() { nvfp4.AMax(x) }, 4 * n, 0
	}},
	{"f32_nvfp4", quantize(nvfp4.TransformerEngine)},
	{"f32_nvfp4_modelopt", quantize(nvfp4.ModelOpt)},
	{"bf16_nvfp4", quantizeBF16(nvfp4.TransformerEngine)},
	{"bf16_nvfp4_modelopt", quantizeBF16(nvfp4.ModelOpt)},
	{"nvfp4_f32", func(n int) (func(), int, int) {
		x, t := slices.Clone(normal(n)), nvfp4.New(n/columns, columns, nvfp4.ModelOpt)
		nvfp4.Quantize(t, x, nvfp4.AMax(x))
		return func() { nvfp4.Dequantize(x, t) }, len(t.Codes) + len(t.Scales), 4 * n
	}},
	{"nvfp4_fake", func(n int) (func(), int, int) {
		x, y := normal(n), make([]float32, n)
		amax := nvfp4.AMax(x)
		return func() { nvfp4.FakeQuantize(y, x, n/columns, columns, nvfp4.ModelOpt, amax) }, 4 * n, 4 * n
	}},
	{"logsumexp_f32", func(n int) (func(), int, int) {
		x := normal(n)
		return func() { logProbs(x) }, 4 * n, 0
	}},
	{"logsumexp_bf16", func(n int) (func(), int, int) {
		x := normalBF16(n)
		return func() { logProbs(x) }, 2 * n, 0
	}},
	{"importance_ratio", func(n int) (func(), int, int) {
		b, w := Batch(n/2048, 2048, 2048, nil), make([]float32, n)
		return func() { importanceRatio(w, b) }, 8 * n, 4 * n
	}},
	{"mismatch", func(n int) (func(), int, int) {
		b := Batch(n/2048, 2048, 2048, nil)
		var s mismatch.Stats
		return func() { must(s.Add(b)) }, 9 * n, 0
	}},
	{"correct_token_tis", correct("token-tis:2")},
	{"correct_seq_tis", correct("seq-tis:2, geo-mask:0.99..1.01")},
	{"nvfp4_bf16", func(n int) (func(), int, int) {
		x, t := slices.Clone(normal(n)), nvfp4.New(n/columns, columns, nvfp4.ModelOpt)
		nvfp4.Quantize(t, x, nvfp4.AMax(x))
		y := make([]bf16.BF16, n)
		return func() { nvfp4.DequantizeBF16(y, t) }, len(t.Codes) + len(t.Scales), 2 * n
	}},
	{"divergence_f32", func(n int) (func(), int, int) {
		x, y := normal(n), noisy(n)
		return func() { divergences(x, y) }, 8 * n, 0
	}},
	{"divergence_bf16", func(n int) (func(), int, int) {
		x, y := normalBF16(n), make([]bf16.BF16, n)
		bf16.Encode(y, noisy(n))
		return func() { divergences(x, y) }, 4 * n, 0
	}},
	{"f32_mxfp8_floor", quantizeMX(mx.E4M3, mx.Default)},
	{"f32_mxfp8_rceil", quantizeMX(mx.E4M3, mx.TorchAORCeil)},
	{"f32_mxfp4_floor", quantizeMX(mx.E2M1, mx.Default)},
	{"f32_mxfp4_rceil", quantizeMX(mx.E2M1, mx.TorchAORCeil)},
	{"bf16_mxfp8_floor", quantizeMXBF16(mx.E4M3, mx.Default)},
	{"bf16_mxfp4_floor", quantizeMXBF16(mx.E2M1, mx.Default)},
	{"mxfp8_f32", dequantizeMX(mx.E4M3)},
	{"mxfp4_f32", dequantizeMX(mx.E2M1)},
	{"f32_fp8_tensor", quantizeFP8(fp8.Default, fp8.PerTensor)},
	{"f32_fp8_1x128", quantizeFP8(fp8.DeepGEMM, fp8.Tile1x128)},
	{"f32_fp8_128x128", quantizeFP8(fp8.DeepGEMM, fp8.Tile128x128)},
	{"bf16_fp8_tensor_modelopt", quantizeFP8BF16(fp8.ModelOpt, fp8.PerTensor)},
	{"bf16_fp8_1x128", quantizeFP8BF16(fp8.DeepGEMM, fp8.Tile1x128)},
	{"bf16_fp8_128x128", quantizeFP8BF16(fp8.DeepGEMM, fp8.Tile128x128)},
	{"fp8_f32_128x128", func(n int) (func(), int, int) {
		x, t := slices.Clone(normal(n)), newFP8(n, fp8.DeepGEMM, fp8.Tile128x128)
		fp8.Quantize(t, x, 0)
		return func() { fp8.Dequantize(x, t) }, n + 4*len(t.Scales), 4 * n
	}},
	{"f32_nvfp4_compressed_tensors", quantize(nvfp4.CompressedTensors)},
	{"bf16_nvfp4_compressed_tensors", quantizeBF16(nvfp4.CompressedTensors)},
	{"f32_nvfp4_torchao", quantize(nvfp4.TorchAOTwoLevel)},
	{"f32_nvfp4_16x16", quantize(nvfp4.TransformerEngineTile)},
	{"hadamard_f32", func(n int) (func(), int, int) {
		x, y := normal(n), make([]float32, n)
		return func() { nvfp4.Hadamard(y, x, nvfp4.RandomSigns) }, 4 * n, 4 * n
	}},
	{"hadamard_bf16", func(n int) (func(), int, int) {
		x, y := normalBF16(n), make([]bf16.BF16, n)
		return func() { nvfp4.HadamardBF16(y, x, nvfp4.RandomSigns) }, 2 * n, 2 * n
	}},
	{"swizzle_128x4", func(n int) (func(), int, int) {
		src, dst := make([]byte, n), make([]byte, n)
		return func() { layout.Swizzle(dst, src, n/columnsOfScales, columnsOfScales, layout.Tiles128x4) }, n, n
	}},
	{"unswizzle_128x4", func(n int) (func(), int, int) {
		dst, src := make([]byte, n), make([]byte, n)
		return func() {
			must(layout.Unswizzle(dst, src, n/columnsOfScales, columnsOfScales, layout.Tiles128x4))
		}, n, n
	}},
	{"f32_nvfp4_stats", func(n int) (func(), int, int) {
		x, t := normal(n), nvfp4.New(n/columns, columns, nvfp4.ModelOpt)
		amax := nvfp4.AMax(x)
		var stats roundoff.Stats
		return func() { nvfp4.QuantizeStats(t, x, amax, &stats) }, 4 * n, len(t.Codes) + len(t.Scales)
	}},
}

func quantize(r nvfp4.Recipe) func(int) (func(), int, int) {
	return func(n int) (func(), int, int) {
		x, t := normal(n), nvfp4.New(n/columns, columns, r)
		amax := nvfp4.AMax(x)
		return func() { nvfp4.Quantize(t, x, amax) }, 4 * n, len(t.Codes) + len(t.Scales)
	}
}

func quantizeBF16(r nvfp4.Recipe) func(int) (func(), int, int) {
	return func(n int) (func(), int, int) {
		x, t := normalBF16(n), nvfp4.New(n/columns, columns, r)
		amax := nvfp4.AMaxBF16(x)
		return func() { nvfp4.QuantizeBF16(t, x, amax) }, 2 * n, len(t.Codes) + len(t.Scales)
	}
}

func quantizeMX(f mx.Format, r mx.Recipe) func(int) (func(), int, int) {
	return func(n int) (func(), int, int) {
		x, t := normal(n), mx.New(n/columns, columns, r, f)
		return func() { mx.Quantize(t, x) }, 4 * n, len(t.Codes) + len(t.Scales)
	}
}

func quantizeMXBF16(f mx.Format, r mx.Recipe) func(int) (func(), int, int) {
	return func(n int) (func(), int, int) {
		x, t := normalBF16(n), mx.New(n/columns, columns, r, f)
		return func() { mx.QuantizeBF16(t, x) }, 2 * n, len(t.Codes) + len(t.Scales)
	}
}

func dequantizeMX(f mx.Format) func(int) (func(), int, int) {
	return func(n int) (func(), int, int) {
		x, t := slices.Clone(normal(n)), mx.New(n/columns, columns, mx.Default, f)
		mx.Quantize(t, x)
		return func() { mx.Dequantize(x, t) }, len(t.Codes) + len(t.Scales), 4 * n
	}
}

func newFP8(n int, r fp8.Recipe, tile fp8.Tile) *fp8.Tensor {
	return fp8.New(n/columns, columns, r, tile, fp8.FormatE4M3)
}

func quantizeFP8(r fp8.Recipe, tile fp8.Tile) func(int) (func(), int, int) {
	return func(n int) (func(), int, int) {
		x, t := normal(n), newFP8(n, r, tile)
		amax := fp8.AMax(x)
		return func() { fp8.Quantize(t, x, amax) }, 4 * n, n + 4*len(t.Scales)
	}
}

func quantizeFP8BF16(r fp8.Recipe, tile fp8.Tile) func(int) (func(), int, int) {
	return func(n int) (func(), int, int) {
		x, t := normalBF16(n), newFP8(n, r, tile)
		amax := fp8.AMaxBF16(x)
		return func() { fp8.QuantizeBF16(t, x, amax) }, 2 * n, n + 4*len(t.Scales)
	}
}

func correct(policy string) func(int) (func(), int, int) {
	return func(n int) (func(), int, int) {
		b, c := Batch(n/2048, 2048, 2048, nil), Corrector(policy)
		w, keep := make([]float32, n), make([]uint8, n)
		return func() {
			_, err := c.Correct(w, keep, b)
			must(err)
		}, 9 * n, 5 * n
	}
}

// logProbs computes log-probability, log-sum-exp and entropy of rows of logits
// as long as a vocabulary.
func logProbs[L logprob.Logit](x []L) {
	const vocabulary = 48 << 10
	for len(x) > 0 {
		n := min(len(x), vocabulary)
		logprob.Of(x[:n], 0, 1)
		x = x[n:]
	}
}

// divergences compares rows of logits as long as a vocabulary.
func divergences[L logprob.Logit](x, y []L) {
	const vocabulary = 48 << 10
	for i := 0; i < len(x); i += vocabulary {
		end := min(i+vocabulary, len(x))
		logprob.Between(x[i:end], y[i:end], 1)
	}
}

// importanceRatio writes every token's ratio and takes the sums that k1, k2, k3
// and the effective sample share need.
func importanceRatio(w []float32, b *mismatch.Batch) {
	var block kernel.Block
	for i := range b.Layout.Rows() {
		trainer, rollout, _ := b.Row(i)
		start, _ := b.Layout.Row(i)
		var sums kernel.RowSums
		for at := 0; at < len(trainer); at += block.N {
			block.Load(trainer[at:], rollout[at:], nil)
			sums.Add(&block)
			copy(w[start+at:], block.W[:block.N])
		}
	}
}

// Corrector returns one for a policy in text.
func Corrector(policy string) *correction.Corrector {
	p, err := correction.Parse(policy)
	must(err)
	c, err := correction.New(p)
	must(err)
	return c
}

// Batch returns a padded batch with the mismatch of mixed NVFP4; row i is
// lengths[i] tokens long, or as wide as the batch.
func Batch(n, width, stride int, lengths []int32) *mismatch.Batch {
	layout, err := rows.Padded(n, width, stride, lengths)
	must(err)
	rng := rand.New(rand.NewPCG(2, 2))
	b := &mismatch.Batch{Layout: layout, Trainer: make([]float32, n*stride), Rollout: make([]float32, n*stride), Mask: make([]uint8, n*stride)}
	const fresh = 1 << 16 // numbers; then the same again
	for i := range b.Mask {
		if i >= fresh {
			b.Rollout[i], b.Trainer[i], b.Mask[i] = b.Rollout[i-fresh], b.Trainer[i-fresh], b.Mask[i-fresh]
			continue
		}
		b.Rollout[i] = float32(-math.Abs(rng.NormFloat64()))
		b.Trainer[i] = b.Rollout[i] + float32(0.3*rng.NormFloat64())
		b.Mask[i] = 1
	}
	return b
}

// normal returns n numbers that are not to be written to.
func normal(n int) []float32 {
	if x := normals[n]; x != nil {
		return x
	}
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	normals[n] = x
	return x
}

// normals keeps what normal made.
var normals = make(map[int][]float32)

// noisy returns normal(n) as another precision would have it.
func noisy(n int) []float32 {
	rng := rand.New(rand.NewPCG(3, uint64(n)))
	x := slices.Clone(normal(n))
	for i := range x {
		x[i] += float32(0.3 * rng.NormFloat64())
	}
	return x
}

// normalBF16 returns normal(n) rounded.
func normalBF16(n int) []bf16.BF16 {
	y := make([]bf16.BF16, n)
	bf16.Encode(y, normal(n))
	return y
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

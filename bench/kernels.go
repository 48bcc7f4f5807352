// Package bench measures trueup against memory: every kernel runs in turn with a
// plain stream that reads and writes as many bytes, in one run, so that the
// ratio of the two holds on a shared and noisy machine.
package bench

import (
	"math"
	"math/rand/v2"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/logprob"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/nvfp4"
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
// cache holds beside their result, and far beyond the last-level cache.
type Size struct {
	Name     string
	Elements int
}

// Sizes are those that kernels are measured at.
var Sizes = []Size{{"L2", 48 << 10}, {"DRAM", 16 << 20}}

// columns of the matrices that are quantized.
const columns = 1024

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
		x, t := normal(n), nvfp4.New(n/columns, columns, nvfp4.ModelOpt)
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

// importanceRatio writes every token's ratio and takes the sums that k1, k2, k3
// and the effective sample share need.
func importanceRatio(w []float32, b *mismatch.Batch) {
	var block kernel.Block
	var acc kernel.RowAcc
	for i := range b.Layout.Rows() {
		trainer, rollout, _ := b.Row(i)
		start, _ := b.Layout.Row(i)
		acc.Reset()
		for at := 0; at < len(trainer); at += block.N {
			block.Load(trainer[at:], rollout[at:], nil)
			block.Exp()
			acc.Add(&block, trainer[at:], rollout[at:])
			kernel.StoreWeights(w[start+at:start+at+block.N], &block.W, 1)
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
	for i := range b.Mask {
		b.Rollout[i] = float32(-math.Abs(rng.NormFloat64()))
		b.Trainer[i] = b.Rollout[i] + float32(0.3*rng.NormFloat64())
		b.Mask[i] = 1
	}
	return b
}

func normal(n int) []float32 {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

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

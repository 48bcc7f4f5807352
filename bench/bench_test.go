package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/nvfp4"
	"github.com/trueup-rl/trueup/rows"
)

// sizes are numbers of float32 values: in the second-level cache, and beyond the
// last.
var sizes = []struct {
	name string
	n    int
}{
	{"256KiB", 64 << 10},
	{"64MiB", 16 << 20},
}

func normal(n int) []float32 {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func eachSize(b *testing.B, run func(b *testing.B, x []float32)) {
	for _, s := range sizes {
		x := normal(s.n)
		b.Run("size="+s.name, func(b *testing.B) { run(b, x) })
	}
}

func BenchmarkBF16Encode(b *testing.B) {
	eachSize(b, func(b *testing.B, x []float32) {
		dst := make([]bf16.BF16, len(x))
		versusStream(b, 4*len(x), 2*len(x), func() { bf16.Encode(dst, x) })
	})
}

func BenchmarkE4M3Quantize(b *testing.B) {
	eachSize(b, func(b *testing.B, x []float32) {
		dst := make([]fp8.E4M3, len(x))
		scale := fp8.ScaleE4M3(fp8.AMax(x))
		versusStream(b, 4*len(x), len(x), func() { fp8.QuantizeE4M3(dst, x, scale) })
	})
}

const columns = 1024

func BenchmarkNVFP4Quantize(b *testing.B) {
	for _, recipe := range []nvfp4.Recipe{nvfp4.ModelOpt, nvfp4.TransformerEngine} {
		b.Run(fmt.Sprintf("recipe=%v", recipe), func(b *testing.B) {
			eachSize(b, func(b *testing.B, x []float32) {
				t := nvfp4.New(len(x)/columns, columns, recipe)
				amax := nvfp4.AMax(x)
				versusStream(b, 4*len(x), len(t.Codes)+len(t.Scales), func() { nvfp4.Quantize(t, x, amax) })
			})
		})
	}
}

func BenchmarkNVFP4Dequantize(b *testing.B) {
	eachSize(b, func(b *testing.B, x []float32) {
		t := nvfp4.New(len(x)/columns, columns, nvfp4.ModelOpt)
		nvfp4.Quantize(t, x, nvfp4.AMax(x))
		versusStream(b, len(t.Codes)+len(t.Scales), 4*len(x), func() { nvfp4.Dequantize(x, t) })
	})
}

// batch returns n tokens in rows of 2048 with the mismatch of mixed NVFP4.
func batch(b *testing.B, n int) *mismatch.Batch {
	const length = 2048
	layout, err := rows.Padded(n/length, length, length, nil)
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(2, 2))
	out := &mismatch.Batch{Layout: layout, Trainer: make([]float32, n), Rollout: make([]float32, n), Mask: make([]uint8, n)}
	for i := range n {
		out.Rollout[i] = float32(-math.Abs(rng.NormFloat64()))
		out.Trainer[i] = out.Rollout[i] + float32(0.3*rng.NormFloat64())
		out.Mask[i] = 1
	}
	return out
}

func BenchmarkMismatch(b *testing.B) {
	const n = 1 << 20
	in := batch(b, n)
	var s mismatch.Stats
	versusStream(b, 9*n, 0, func() { _ = s.Add(in) })
}

func BenchmarkCorrect(b *testing.B) {
	const n = 1 << 20
	in := batch(b, n)
	w, keep := make([]float32, n), make([]uint8, n)
	for _, text := range []string{"token-tis:2", "token-tis:2, geo-mask:0.99..1.01", "seq-tis:2, mean-k3:0.1"} {
		policy, err := correction.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		c, err := correction.New(policy)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("policy="+text, func(b *testing.B) {
			versusStream(b, 9*n, 5*n, func() { _, _ = c.Correct(w, keep, in) })
		})
	}
}

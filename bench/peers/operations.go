package main

import (
	"cmp"
	"slices"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/correction/verl"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/logprob"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/nvfp4"
	"github.com/trueup-rl/trueup/rows"
)

// operation is work to time. Its results are those of the last run.
type operation struct {
	run     func()
	results func() [][]byte
}

// operations make themselves ready: input loaded, memory for the results at hand.
var operations = map[string]func(in input) operation{
	"f32_bf16": func(in input) operation {
		x := load[float32](in, "weights.f32")
		y := make([]bf16.BF16, len(x))
		return operation{
			func() { bf16.Encode(y, x) },
			func() [][]byte { return [][]byte{bytesOf(y)} },
		}
	},
	"f32_e4m3": func(in input) operation {
		x := load[float32](in, "weights.f32")
		y := make([]fp8.E4M3, len(x))
		return operation{
			func() { fp8.EncodeE4M3(y, x) },
			func() [][]byte { return [][]byte{bytesOf(y)} },
		}
	},
	"f32_fp8": func(in input) operation {
		x := load[float32](in, "weights.f32")
		y, scale := make([]fp8.E4M3, len(x)), make([]float32, 1)
		return operation{
			func() {
				scale[0] = fp8.ScaleE4M3(fp8.AMax(x))
				fp8.QuantizeE4M3(y, x, scale[0])
			},
			func() [][]byte { return [][]byte{bytesOf(y), bytesOf(scale)} },
		}
	},
	"f32_nvfp4": func(in input) operation {
		x := load[float32](in, "weights.f32")
		t := nvfp4.New(len(x)/in.columns, in.columns, nvfp4.ModelOpt)
		return operation{
			func() { nvfp4.Quantize(t, x, nvfp4.AMax(x)) },
			func() [][]byte { return parts(t) },
		}
	},
	"bf16_nvfp4": func(in input) operation {
		x := load[bf16.BF16](in, "weights.bf16")
		t := nvfp4.New(len(x)/in.columns, in.columns, nvfp4.ModelOpt)
		return operation{
			func() { nvfp4.QuantizeBF16(t, x, nvfp4.AMaxBF16(x)) },
			func() [][]byte { return parts(t) },
		}
	},
	"nvfp4_f32": func(in input) operation {
		x := load[float32](in, "weights.f32")
		t := nvfp4.New(len(x)/in.columns, in.columns, nvfp4.ModelOpt)
		nvfp4.Quantize(t, x, nvfp4.AMax(x))
		return operation{
			func() { nvfp4.Dequantize(x, t) },
			func() [][]byte { return [][]byte{bytesOf(x)} },
		}
	},
	"logprob_f32":  func(in input) operation { return logProbs(in, load[float32](in, "logits.f32")) },
	"logprob_bf16": func(in input) operation { return logProbs(in, load[bf16.BF16](in, "logits.bf16")) },
	// The weights of token TIS at 2, and nothing else.
	"tis": func(in input) operation {
		p, err := correction.Parse("token-tis:2")
		must(err)
		c, err := correction.New(p)
		must(err)
		b := batch(in)
		w := make([]float32, len(b.Trainer))
		return operation{
			func() { must(c.Apply(w, nil, b, nil)) },
			func() [][]byte { return [][]byte{bytesOf(w)} },
		}
	},
	// Weights, mask and every figure that verl logs, by name.
	"correction": func(in input) operation {
		v, err := verl.New(verl.Config{RolloutIS: "token", RolloutISThreshold: "2.0", RolloutRS: "seq_mean_k1", RolloutRSThreshold: "0.99_1.01"})
		must(err)
		c, err := correction.New(v.Policy)
		must(err)
		b := batch(in)
		w, keep := make([]float32, len(b.Trainer)), make([]uint8, len(b.Trainer))
		var metrics []verl.Metric
		return operation{
			func() {
				stats, err := c.Correct(w, keep, b)
				must(err)
				metrics = v.Metrics(stats)
			},
			func() [][]byte {
				slices.SortFunc(metrics, func(a, b verl.Metric) int { return cmp.Compare(a.Name, b.Name) })
				values := make([]float32, len(metrics))
				for i, m := range metrics {
					values[i] = float32(m.Value)
				}
				return [][]byte{bytesOf(w), keep, bytesOf(values)}
			},
		}
	},
}

func parts(t *nvfp4.Tensor) [][]byte {
	return [][]byte{t.Codes, bytesOf(t.Scales), bytesOf([]float32{t.TensorScale})}
}

// logProbs gives the log-probability of each row's token, and the entropy.
func logProbs[L logprob.Logit](in input, x []L) operation {
	logits := logprob.Matrix[L]{Logits: x, Cols: in.vocabulary, Stride: in.vocabulary}
	tokens := load[int32](in, "tokens")
	dst := make([]logprob.Row, len(tokens))
	return operation{
		func() { logprob.Rows(dst, logits, tokens, 1, 1) },
		func() [][]byte {
			p, h := make([]float32, len(dst)), make([]float32, len(dst))
			for i, row := range dst {
				p[i], h[i] = float32(row.LogProb), float32(row.Entropy)
			}
			return [][]byte{bytesOf(p), bytesOf(h)}
		},
	}
}

// batch returns the padded batch of log-probabilities.
func batch(in input) *mismatch.Batch {
	lengths := load[int32](in, "lengths")
	layout, err := rows.Padded(len(lengths), in.width, in.width, lengths)
	must(err)
	return &mismatch.Batch{
		Layout:  layout,
		Trainer: load[float32](in, "trainer"),
		Rollout: load[float32](in, "rollout"),
		Mask:    load[uint8](in, "mask"),
	}
}

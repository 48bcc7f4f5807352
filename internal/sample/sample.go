// Package sample embeds real rollouts of a real language model, so that the
// command has something to show and tests something true to run on. README.md
// says where the data come from.
package sample

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/trueup-rl/trueup/internal/safetensors"
)

//go:embed smollm2.safetensors
var smollm2 []byte

// Rollouts are trajectories in several precisions. Row i has the per-token
// values Offsets[i] … Offsets[i+1]−1 of every array named below Offsets.
type Rollouts struct {
	Precisions []string // names of the values of Precision
	Prompts    []string // names of the values of Prompt
	Precision  []int32  // per row
	Prompt     []int32  // per row
	Reward     []float32
	Offsets    []int64

	Mask        []uint8
	Rollout     []float32 // log-probabilities, nats
	TrainerBF16 []float32
	TrainerF32  []float32
	Stale16     []float32 // the BF16 trainer after 16 optimizer steps
	ExactKL     []float32 // KL(rollout‖trainer) over the whole vocabulary, BF16 trainer
	ExactChi2   []float32 // χ²(trainer‖rollout), likewise
}

// SmolLM2 returns the embedded rollouts. They are shared: do not change them.
var SmolLM2 = sync.OnceValue(load)

// load panics if the embedded file is damaged, which a test rules out.
func load() *Rollouts {
	f, err := safetensors.Parse(smollm2)
	if err != nil {
		panic("sample: " + err.Error())
	}
	return &Rollouts{
		Precisions:  strings.Split(f.Metadata["precision"], ","),
		Prompts:     strings.Split(f.Metadata["groups"], ","),
		Precision:   must(f.I32("precision")),
		Prompt:      must(f.I32("group")),
		Reward:      must(f.F32("reward")),
		Offsets:     must(f.I64("offsets")),
		Mask:        must(f.U8("loss_mask")),
		Rollout:     must(f.F32("rollout_logprob")),
		TrainerBF16: must(f.F32("trainer_logprob_bf16")),
		TrainerF32:  must(f.F32("trainer_logprob_f32")),
		Stale16:     must(f.F32("stale16_logprob")),
		ExactKL:     must(f.F32("exact_kl_rt")),
		ExactChi2:   must(f.F32("exact_chi2")),
	}
}

func must[T any](v []T, err error) []T {
	if err != nil {
		panic("sample: " + err.Error())
	}
	return v
}

// Rows returns the number of trajectories.
func (r *Rollouts) Rows() int { return len(r.Precision) }

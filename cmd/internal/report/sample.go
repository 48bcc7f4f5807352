package report

import (
	"io"

	"github.com/trueup-rl/trueup/cmd/internal/rollouts"
	"github.com/trueup-rl/trueup/internal/sample"
)

// Words about the embedded rollouts.
const (
	SampleSource = "embedded sample: SmolLM2-135M-Instruct"
	SampleLead   = "nvfp4_mixed"
	SampleNote   = "The sample model is small (135M) and uncalibrated: its all-layer FP4 mismatch (w4a16, w4a4) is far above what large models show. nvfp4_mixed, with a third of the MLPs in NVFP4, is near field values and comes first."
)

// Sample reads the embedded rollouts.
type Sample struct {
	set     *sample.Rollouts
	trainer []float32 // nil: no such column
	next    int
}

// NewSample returns the embedded rollouts with the named trainer column.
func NewSample(trainer string) *Sample {
	set := sample.SmolLM2()
	columns := map[string][]float32{
		"trainer_logprob_bf16": set.TrainerBF16,
		"trainer_logprob_f32":  set.TrainerF32,
		"stale16_logprob":      set.Stale16,
	}
	return &Sample{set: set, trainer: columns[trainer]}
}

// Next fills row with the next trajectory; io.EOF follows the last.
func (s *Sample) Next(row *rollouts.Row) error {
	if s.next == s.set.Rows() {
		return io.EOF
	}
	i := s.next
	s.next++
	from, to := s.set.Offsets[i], s.set.Offsets[i+1]
	*row = rollouts.Row{
		File:      "sample",
		Index:     int64(i),
		Prompt:    s.set.Prompts[s.set.Prompt[i]],
		Precision: s.set.Precisions[s.set.Precision[i]],
		Mask:      s.set.Mask[from:to],
		Rollout:   s.set.Rollout[from:to],
	}
	if s.trainer != nil {
		row.Trainer, row.HasTrainer = s.trainer[from:to], true
	}
	row.Exact[rollouts.ExactKLRT] = s.set.ExactKL[from:to]
	row.Exact[rollouts.ExactChi2] = s.set.ExactChi2[from:to]
	return nil
}

package openrlhf

import (
	"iter"

	"github.com/trueup-rl/trueup/correction"
)

// Metrics yields what OpenRLHF logs of the mismatch: vllm_kl, the mean of
// rollout − trainer over tokens.
func Metrics(s *correction.Stats) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		yield("vllm_kl", s.Mismatch().K1)
	}
}

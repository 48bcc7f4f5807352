package nemorl

import (
	"iter"
	"math"

	"github.com/trueup-rl/trueup/correction"
)

// Diagnostics returns a policy that corrects nothing and measures what
// DiagnosticMetrics reads. The trainer's column is prev_logprobs, or with
// force_on_policy_ratio curr_logprobs.
func Diagnostics() correction.Policy {
	return correction.Policy{Filters: []correction.Filter{
		{Statistic: correction.AbsRatio, Hi: math.Inf(1)},
		{Statistic: correction.K3Reverse, Hi: math.Inf(1)},
	}}
}

// DiagnosticMetrics yields NeMo-RL's errors of token log-probabilities, of which
// js_divergence_error is not among ours. |d| counts as at most 30, in
// gen_kl_error 60.
func DiagnosticMetrics(s *correction.Stats) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		_ = yield("token_mult_prob_error", s.Filter(0).Value.Mean()) &&
			yield("gen_kl_error", s.Mismatch().K3) &&
			yield("policy_kl_error", s.Filter(1).Value.Mean())
	}
}

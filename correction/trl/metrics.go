package trl

import (
	"iter"

	"github.com/trueup-rl/trueup/correction"
)

// Metrics yields what TRL logs of the correction by p. Ratios are those after
// clipping or masking; of sequences, a row without a valid token has ratio 1.
func Metrics(p *correction.Policy, s *correction.Stats) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		m := s.Mismatch()
		ok := yield("sampling/sampling_logp_difference/mean", m.MeanAbs) &&
			yield("sampling/sampling_logp_difference/max", m.MaxAbs)
		if !ok || p.Weight.Rule == correction.Unweighted {
			return
		}
		ratio := s.Weight().Applied
		if p.Weight.Level != correction.Token {
			ratio = s.Weight().RowMean.With(m.EmptyRows, 1)
		}
		_ = yield("sampling/importance_sampling_ratio/min", ratio.Min) &&
			yield("sampling/importance_sampling_ratio/mean", ratio.Mean()) &&
			yield("sampling/importance_sampling_ratio/max", ratio.Max)
	}
}

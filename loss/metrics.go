package loss

import "iter"

// Names is whose names Metrics uses.
type Names uint8

const (
	OwnNames Names = iota
	VerlNames
	NeMoRLNames
	TRLNames
	OpenRLHFNames
	SkyRLNames
	SlimeNames
	PrimeRLNames
)

// metric is one row of the table of names.
type metric struct {
	name  string
	value func(*Summary) float64
}

// Figures that several projects have.
var (
	clipped         = perToken(func(s *Summary) float64 { return float64(s.Clipped()) })
	clippedPositive = perToken(func(s *Summary) float64 { return float64(s.ClippedPositive) })
	clippedNegative = perToken(func(s *Summary) float64 { return float64(s.ClippedNegative) })
	clippedSigned   = perToken(func(s *Summary) float64 { return float64(s.ClippedPositive + s.ClippedNegative) })
	capped          = perToken(func(s *Summary) float64 { return float64(s.Capped) })
	anchorKL        = perToken(func(s *Summary) float64 { return -s.LogRatio })
	boundedKL       = perToken(func(s *Summary) float64 { return -s.BoundedLogRatio })
	referenceKL     = perToken(func(s *Summary) float64 { return s.KL })
	entropy         = perToken(func(s *Summary) float64 { return s.Entropy })
	ratioMean       = func(s *Summary) float64 { return s.Ratio.Mean() }
	ratioMin        = func(s *Summary) float64 { return s.Ratio.Min }
	ratioMax        = func(s *Summary) float64 { return s.Ratio.Max }
	factorMean      = func(s *Summary) float64 { return s.Factor.Mean() }
	factorMin       = func(s *Summary) float64 { return s.Factor.Min }
	factorMax       = func(s *Summary) float64 { return s.Factor.Max }
	weightMean      = func(s *Summary) float64 { return s.Weight.Mean() }
	totalLoss       = func(s *Summary) float64 { return s.Loss() }
)

func perToken(f func(*Summary) float64) func(*Summary) float64 {
	return func(s *Summary) float64 { return ratioOf(f(s), s.Tokens) }
}

var (
	ownMetrics = []metric{
		{"loss", totalLoss},
		{"policy_loss", func(s *Summary) float64 { return s.PolicyLoss }},
		{"reference_loss", func(s *Summary) float64 { return s.Penalty }},
		{"reference_kl", referenceKL},
		{"anchor_kl", anchorKL},
		{"clipped_fraction", clipped},
		{"clipped_positive_fraction", clippedPositive},
		{"clipped_negative_fraction", clippedNegative},
		{"capped_fraction", capped},
		{"bounded_fraction", perToken(func(s *Summary) float64 { return float64(s.Bounded) })},
		{"ratio_mean", ratioMean},
		{"ratio_std", func(s *Summary) float64 { return s.Ratio.Std() }},
		{"ratio_min", ratioMin},
		{"ratio_max", ratioMax},
		{"factor_mean", factorMean},
		{"weight_mean", weightMean},
		{"entropy", entropy},
		{"tokens", func(s *Summary) float64 { return float64(s.Tokens) }},
		{"non_finite_tokens", func(s *Summary) float64 { return float64(s.NonFinite) }},
		{"empty_rows", func(s *Summary) float64 { return float64(s.EmptyRows) }},
	}

	verlClipMetrics = []metric{
		{"actor/pg_clipfrac", clipped},
		{"actor/ppo_kl", boundedKL},
		{"actor/pg_clipfrac_lower", capped},
	}
	verlSequenceMetrics = []metric{ // GSPO's ppo_kl is not bounded
		{"actor/pg_clipfrac", clipped},
		{"actor/ppo_kl", anchorKL},
		{"actor/pg_clipfrac_lower", capped},
	}
	verlGeoMeanMetrics = []metric{
		{"actor/pg_clipfrac", clippedPositive},
		{"actor/ppo_kl", anchorKL},
		{"actor/pg_clipfrac_lower", clippedNegative},
	}
	verlPlainMetrics = []metric{{"actor/ppo_kl", anchorKL}}

	// sampling_importance_ratio is the mean of the weights the batch has; NeMo-RL
	// logs it also where it does not apply them.
	nemoRLMetrics = []metric{
		{"loss", totalLoss},
		{"probs_ratio", ratioMean},
		{"probs_ratio_clamped", factorMean},
		{"probs_ratio_min", ratioMin},
		{"probs_ratio_max", ratioMax},
		{"probs_ratio_clamped_min", factorMin},
		{"probs_ratio_clamped_max", factorMax},
		{"sampling_importance_ratio", weightMean},
		{"approx_entropy", entropy},
		{"num_valid_samples", func(s *Summary) float64 { return float64(s.Rows) }},
	}

	trlMetrics = []metric{
		{"clip_ratio/low_mean", clippedNegative},
		{"clip_ratio/high_mean", clippedPositive},
		{"clip_ratio/region_mean", clippedSigned},
		{"kl", referenceKL},
	}
	trlCISPOMetrics = []metric{{"cispo_clip_ratio", clippedPositive}, {"kl", referenceKL}}

	openRLHFMetrics = []metric{
		{"policy_loss", func(s *Summary) float64 { return s.PolicyLoss }},
		{"clip_ratio", clipped},
		{"ppo_kl", anchorKL},
	}

	skyRLMetrics     = []metric{{"clip_ratio", clipped}}
	skyRLDPPOMetrics = []metric{{"clip_ratio", clippedSigned}} // A = 0 is never masked there

	// As slime has them with calculate_per_token_loss; without, it averages a row's
	// tokens first.
	slimeMetrics = []metric{
		{"pg_loss", func(s *Summary) float64 { return s.PolicyLoss }},
		{"pg_clipfrac", clipped},
		{"ppo_kl", anchorKL},
		{"kl_loss", referenceKL},
		{"ois", ratioMean},
	}

	// prime-rl takes these of each row and averages over rows; so does a caller
	// that evaluates rows one by one.
	primeRLMetrics = []metric{
		{"masked_mismatch_kl", func(s *Summary) float64 { return ratioOf(s.ClippedK3, s.Clipped()) }},
		{"unmasked_mismatch_kl", func(s *Summary) float64 { return ratioOf(s.KeptK3, s.Tokens-s.Clipped()) }},
		{"is_masked", clipped},
		{"is_masked_low", clippedNegative},
		{"is_masked_high", clippedPositive},
		{"masked_advantage_positive", func(s *Summary) float64 { return ratioOf(float64(s.ClippedPositive), s.Clipped()) }},
		{"masked_advantage_negative", func(s *Summary) float64 { return ratioOf(float64(s.ClippedNegative), s.Clipped()) }},
	}
	primeRLIPOMetrics = primeRLMetrics[:3]
)

// Metrics yields what a project logs of this loss, by that project's names. Means
// over no tokens are 0.
func (c *Config) Metrics(names Names, s *Summary) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		for _, m := range c.metrics(names) {
			if !yield(m.name, m.value(s)) {
				return
			}
		}
	}
}

func (c *Config) metrics(names Names) []metric {
	switch names {
	case VerlNames:
		return c.verlMetrics()
	case NeMoRLNames:
		return nemoRLMetrics
	case TRLNames:
		if _, ok := c.Policy.(CISPO); ok {
			return trlCISPOMetrics
		}
		return trlMetrics
	case OpenRLHFNames:
		return openRLHFMetrics
	case SkyRLNames:
		if _, ok := c.Policy.(DPPO); ok {
			return skyRLDPPOMetrics
		}
		return skyRLMetrics
	case SlimeNames:
		return slimeMetrics
	case PrimeRLNames:
		if _, ok := c.Policy.(IPO); ok {
			return primeRLIPOMetrics
		}
		return primeRLMetrics
	}
	return ownMetrics
}

func (c *Config) verlMetrics() []metric {
	switch c.Policy.(type) {
	case GPG:
		return nil
	case GSPO:
		return verlSequenceMetrics
	case GMPO:
		return verlGeoMeanMetrics
	case DRO, Reinforce:
		return verlPlainMetrics
	}
	return verlClipMetrics
}

package verl

import (
	"math"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/mismatch"
)

const prefix = "rollout_corr/"

// Metric is one figure of verl's log.
type Metric struct {
	Name  string
	Value float64
}

// Metrics returns what verl logs for a batch, under verl's names: the off-policy
// diagnostics always, those of the weights with rollout_is, those of the
// rejection with rollout_rs. Every batch mean is over all rows, a row without
// valid tokens entering as verl has it: with log-perplexity 0, weight 0 or
// ratio 1. Shares of nothing are 0.
func (v *Correction) Metrics(s *correction.Stats) []Metric {
	var out []Metric
	log := func(name string, x float64) {
		out = append(out, Metric{prefix + name, x})
	}
	m := s.Mismatch()
	diagnostics(log, &m)
	if v.Policy.Weight.Rule != correction.Unweighted {
		v.weightMetrics(log, s, &m)
	}
	if len(v.options) > 0 {
		v.rejectionMetrics(log, s, &m)
	}
	return out
}

func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// diagnostics logs the figures that do not depend on the configuration.
func diagnostics(log func(string, float64), m *mismatch.Summary) {
	// over returns the mean over all rows, given that over non-empty ones and
	// what an empty row counts as.
	over := func(mean, empty float64) float64 {
		e := share(m.EmptyRows, m.Rows)
		return float64(mean*(1-e)) + float64(empty*e)
	}
	log("training_ppl", over(m.TrainerPPL, 1))
	log("training_log_ppl", over(m.TrainerNLL, 0))
	log("kl", m.K1)
	log("k3_kl", m.K3)
	log("rollout_ppl", over(m.RolloutPPL, 1))
	log("rollout_log_ppl", over(m.RolloutNLL, 0))
	// verl's difference is the mean of rollout − trainer log p, our δ.
	log("log_ppl_diff", over(m.LogPPLDiff, 0))
	log("log_ppl_abs_diff", over(m.LogPPLAbsDiff, 0))
	log("log_ppl_diff_max", withEmpty(m, max(m.LogPPLDiffMax, 0), m.LogPPLDiffMax))
	log("log_ppl_diff_min", withEmpty(m, min(m.LogPPLDiffMin, 0), m.LogPPLDiffMin))
	log("ppl_ratio", over(m.PPLRatio, 1))
	log("chi2_token", m.Chi2Bounded)
	log("chi2_seq", over(m.SeqChi2Bounded, 0))
}

// withEmpty picks a value by whether the batch has rows without valid tokens.
func withEmpty(m *mismatch.Summary, with, without float64) float64 {
	if m.EmptyRows > 0 {
		return with
	}
	return without
}

func (v *Correction) weightMetrics(log func(string, float64), s *correction.Stats, m *mismatch.Summary) {
	w := s.Weight()
	rule := v.Policy.Weight

	log("rollout_is_mean", w.Applied.Mean())
	if rule.Level == correction.Token {
		log("rollout_is_max", w.Applied.Max)
		log("rollout_is_min", w.Applied.Min)
		log("rollout_is_ratio_fraction_high", share(w.High, m.Tokens))
		log("rollout_is_ratio_fraction_low", share(w.Low, m.Tokens))
	} else {
		// Of the row's ratio before truncation, bounded above only; an empty
		// row's is 1.
		log("rollout_is_max", kernel.Exp(min(withEmpty(m, max(m.SeqMax, 0), m.SeqMax), kernel.Clamp)))
		log("rollout_is_min", kernel.Exp(withEmpty(m, min(m.SeqMin, 0), m.SeqMin)))
		log("rollout_is_ratio_fraction_high", share(w.RowsHigh, m.Rows))
		log("rollout_is_ratio_fraction_low", share(w.RowsLow, m.Rows))
	}
	if rule.Rule == correction.IcePop {
		log("rollout_is_oob_ratio", share(w.High+w.Low, m.Tokens))
	}
	log("rollout_is_std", w.Applied.PopulationStd())
	log("rollout_is_eff_sample_size", w.Applied.ESS())

	rows := w.RowMean.With(m.EmptyRows, 0)
	log("rollout_is_seq_mean", rows.Mean())
	log("rollout_is_seq_std", rows.Std())
	log("rollout_is_seq_max", rows.Max)
	log("rollout_is_seq_min", rows.Min)
	log("rollout_is_seq_max_deviation", max(math.Abs(rows.Max-1), math.Abs(rows.Min-1)))
	// An empty row has mean ratio 0, which lies below every bound.
	log("rollout_is_seq_fraction_high", share(w.RowMeanHigh, m.Rows))
	log("rollout_is_seq_fraction_low", share(w.RowMeanLow+m.EmptyRows, m.Rows))
	if v.Policy.Normalize == correction.BatchMean {
		log("rollout_is_batch_norm_factor", s.NormFactor(rule.Level))
	}
}

func (v *Correction) rejectionMetrics(log func(string, float64), s *correction.Stats, m *mismatch.Summary) {
	rows := m.Rows - m.EmptyRows
	for i, option := range v.options {
		f := s.Filter(i)
		k1 := v.Policy.Filters[i].Statistic == correction.Ratio
		if k1 {
			f = negate(f)
		}
		within := rows
		if v.Policy.Filters[i].Level == correction.Token {
			within = m.Tokens
		}
		name := "rollout_rs_" + option
		log(name+"_mean", f.Value.Mean())
		log(name+"_max", f.Value.Max)
		log(name+"_min", f.Value.Min)
		log(name+"_fraction_high", share(f.High, within))
		log(name+"_fraction_low", share(f.Low, within))
		log(name+"_std", f.Clamped.PopulationStd())
		log(name+"_seq_mean", f.Row.Mean())
		log(name+"_seq_std", f.Row.Std())
		log(name+"_seq_max", f.Row.Max)
		log(name+"_seq_min", f.Row.Min)
		log(name+"_seq_max_deviation", max(math.Abs(f.Row.Max), math.Abs(f.Row.Min)))
		log(name+"_seq_fraction_high", share(f.RowHigh, rows))
		if k1 {
			log(name+"_seq_fraction_low", share(f.RowLow, rows))
		}
		log(name+"_masked_fraction", share(f.RejectedTokens, m.Tokens))
		log(name+"_seq_masked_fraction", share(f.RejectedRows, rows))
	}
	e := s.Effect()
	log("rollout_rs_masked_fraction", share(e.Tokens-e.KeptTokens, m.Tokens))
	log("rollout_rs_seq_masked_fraction", share(e.RejectedRows, m.Rows))
}

// negate turns the figures of d, which our filters look at, into those of
// verl's k1 = −d.
func negate(f correction.FilterSummary) correction.FilterSummary {
	flip := func(m mismatch.Moments) mismatch.Moments {
		return mismatch.Moments{N: m.N, Sum: -m.Sum, SumSq: m.SumSq, Min: -m.Max, Max: -m.Min}
	}
	f.Value, f.Clamped, f.Row = flip(f.Value), flip(f.Clamped), flip(f.Row)
	f.High, f.Low = f.Low, f.High
	f.RowHigh, f.RowLow = f.RowLow, f.RowHigh
	return f
}

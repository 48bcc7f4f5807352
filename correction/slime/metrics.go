package slime

import (
	"iter"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/internal/exact"
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/mismatch"
)

// Prefix is what slime puts in front of the names of metrics.
const Prefix = "mis_"

// Figures of the helper.
const (
	trainingLogPPL = iota
	trainingPPL
	rolloutLogPPL
	rolloutPPL
	kl
	k3KL
	logPPLDiff
	logPPLAbsDiff
	pplRatio
	chi2Token
	chi2Seq
	numDiagnostics // from here on those of use_tis
)

const (
	weightBefore = numDiagnostics + iota
	fractionHigh
	fractionLow
	weightAfter
	rsFractionLow
	rsFractionHigh
	catastrophicTokens
	catastrophicSeqs
	meanAfter
	normFactor
	meanFinal
	minFinal
	maxFinal
	numFigures
)

var diagnosticNames = [numDiagnostics]string{
	trainingLogPPL: "training_log_ppl", trainingPPL: "training_ppl",
	rolloutLogPPL: "rollout_log_ppl", rolloutPPL: "rollout_ppl",
	kl: "kl", k3KL: "k3_kl",
	logPPLDiff: "log_ppl_diff", logPPLAbsDiff: "log_ppl_abs_diff", pplRatio: "ppl_ratio",
	chi2Token: "chi2_token", chi2Seq: "chi2_seq",
}

// Stats accumulate slime's figures, which all are means over rows of a row's
// mean over valid tokens; a row without any counts as 0. They merge exactly. The
// zero value is empty.
type Stats struct {
	rows int64
	sums [numFigures]exact.Sum
}

// Merge adds what o has accumulated.
func (s *Stats) Merge(o *Stats) {
	s.rows += o.rows
	for i := range s.sums {
		s.sums[i].Merge(&o.sums[i])
	}
}

func (s *Stats) mean(i int) float64 { return s.sums[i].Float64() / float64(s.rows) }

// Measure adds a batch, of which global holds the correction's statistics, or
// those of the larger batch that it is a part of. Tokens that are not finite are
// left out. An error wraps mismatch.ErrShape.
func (c *Correction) Measure(dst *Stats, b *mismatch.Batch, global *correction.Stats) error {
	if err := b.Check(); err != nil {
		return err
	}
	factor := global.Factor(&c.Policy)
	for i := range b.Layout.Rows() {
		dst.rows++
		r := row{correction: c}
		r.trainer, r.rollout, r.mask = b.Row(i)
		if r.sum(); r.n == 0 {
			continue
		}
		var figures [numFigures]float64
		r.diagnose(&figures)
		if c.config.UseTIS {
			r.weigh(&figures, factor)
		}
		for k, x := range figures {
			dst.sums[k].Add(x)
		}
	}
	return nil
}

// row is a row with its sums.
type row struct {
	correction       *Correction
	trainer, rollout []float32
	mask             []uint8
	n                float64
	sumTrainer       float64
	sumRollout       float64
}

// tokens yields the log-ratios of valid tokens, |d| at most MaxLogRatio.
func (r *row) tokens(yield func(t int, d float64) bool) {
	for t, x := range r.trainer {
		y := r.rollout[t]
		if r.mask != nil && r.mask[t] == 0 || (x-y)-(x-y) != 0 {
			continue
		}
		if !yield(t, max(-kernel.MaxLogRatio, min(float64(x)-float64(y), kernel.MaxLogRatio))) {
			return
		}
	}
}

func (r *row) sum() {
	for t := range r.tokens {
		r.n++
		r.sumTrainer += float64(r.trainer[t])
		r.sumRollout += float64(r.rollout[t])
	}
}

// bounded returns x for the sums, which end at 2¹²⁰; no model gets there.
func bounded(x, c float64) float64 { return max(-c, min(x, c)) }

func (r *row) diagnose(out *[numFigures]float64) {
	trainer, rollout := bounded(-r.sumTrainer/r.n, kernel.MaxLogRatio), bounded(-r.sumRollout/r.n, kernel.MaxLogRatio)
	diff := trainer - rollout
	out[trainingLogPPL], out[trainingPPL] = trainer, kernel.Exp(bounded(trainer, kernel.MaxExp))
	out[rolloutLogPPL], out[rolloutPPL] = rollout, kernel.Exp(bounded(rollout, kernel.MaxExp))
	out[kl], out[logPPLDiff], out[logPPLAbsDiff] = diff, diff, max(diff, -diff)
	out[pplRatio] = kernel.Exp(bounded(diff, kernel.MaxExp))
	k3, square, sum := 0.0, 0.0, 0.0
	for _, d := range r.tokens {
		sum += d
		_, k := kernel.ExpK3(bounded(d, kernel.MaxExp))
		k3 += k
		w := kernel.BoundedRatio(d)
		square += float64(w * w)
	}
	out[k3KL], out[chi2Token] = k3/r.n, square/r.n-1
	w := kernel.BoundedRatio(sum)
	out[chi2Seq] = float64(w*w) - 1
}

// ratios yields the ratio at a level for every valid token.
func (r *row) ratios(level correction.Level) func(yield func(d, ratio float64) bool) {
	return func(yield func(d, ratio float64) bool) {
		total := r.sumTrainer - r.sumRollout
		if level == correction.Mean {
			total /= r.n
		}
		shared := kernel.BoundedRatio(total)
		for _, d := range r.tokens {
			x := shared
			if level == correction.Token {
				x = kernel.BoundedRatio(d)
			}
			if !yield(d, x) {
				return
			}
		}
	}
}

func (r *row) weigh(out *[numFigures]float64, factor float64) {
	c := r.correction
	least, most := kernel.Exp(kernel.Clamp+1), 0.0
	for d, x := range r.ratios(c.tisLevel) {
		w := x
		if c.config.TISMode != "mask" {
			w = max(c.Policy.Weight.Lo, min(x, c.tisHi))
		}
		out[weightBefore] += x
		out[weightAfter] += w
		out[fractionHigh] += indicator(x > c.tisHi)
		out[fractionLow] += indicator(x < c.tisLo)
		out[catastrophicTokens] += indicator(d < c.logVetoThreshold)
		least, most = min(least, w), max(most, w)
	}
	for _, x := range r.ratios(c.rsLevel) {
		out[rsFractionLow] += indicator(x < c.rsLo)
		out[rsFractionHigh] += indicator(x > c.rsHi)
	}
	for i := weightBefore; i <= catastrophicTokens; i++ {
		out[i] /= r.n
	}
	out[catastrophicSeqs] = indicator(out[catastrophicTokens] > 0)
	out[meanAfter] = out[weightAfter]
	out[normFactor] = factor
	out[meanFinal], out[minFinal], out[maxFinal] = out[weightAfter]/factor, least/factor, most/factor
}

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Metrics yields what the helper logs, without Prefix. Nothing measured yields
// nothing.
func (c *Correction) Metrics(s *Stats) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		if s.rows == 0 {
			return
		}
		for i, name := range diagnosticNames {
			if !yield(name, s.mean(i)) {
				return
			}
		}
		if !c.config.UseTIS {
			return
		}
		for _, f := range c.figures() {
			if !yield(f.name, s.mean(f.index)) {
				return
			}
		}
	}
}

type figure struct {
	name  string
	index int
}

// figures returns those of use_tis that the configuration logs.
func (c *Correction) figures() []figure {
	out := []figure{{"tis_weight_before_bound", weightBefore}}
	switch c.config.TISMode {
	case "clip":
		out = append(out, figure{"tis_clip_fraction_low", fractionLow}, figure{"tis_clip_fraction_high", fractionHigh})
	case "mask":
		out = append(out, figure{"tis_mask_fraction_low", fractionLow}, figure{"tis_mask_fraction_high", fractionHigh})
	default:
		out = append(out, figure{"tis_truncate_fraction", fractionHigh})
	}
	out = append(out, figure{"tis_weight_after_bound", weightAfter})
	if c.config.UseRS {
		out = append(out, figure{"rs_mask_fraction_low", rsFractionLow}, figure{"rs_mask_fraction_high", rsFractionHigh})
		if c.config.RSVetoThreshold != 0 {
			out = append(out,
				figure{"rs_catastrophic_token_fraction", catastrophicTokens},
				figure{"rs_catastrophic_seq_fraction", catastrophicSeqs})
		}
	}
	out = append(out, figure{"is_ratio_mean_after_tis_rs", meanAfter})
	if c.config.TISBatchNormalize {
		out = append(out, figure{"batch_norm_factor", normFactor})
	}
	return append(out,
		figure{"is_ratio_mean_final", meanFinal},
		figure{"is_ratio_min_final", minFinal},
		figure{"is_ratio_max_final", maxFinal})
}

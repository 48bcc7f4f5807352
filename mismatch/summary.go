package mismatch

import (
	"math"
)

// Summary is what Stats say, as plain numbers. With d = trainer − rollout and
// w = e^d, means are over valid tokens (in the mask, both log-probabilities
// finite), or, where a name begins with Seq or ends in PPL, over rows that have
// a valid token. Log quantities are in nats. A standard error is the population
// standard deviation over √n and takes the tokens as independent; see Clusters
// for when they are not. With nothing to average, every figure is 0.
//
// Figures that are made of Σd alone (K1, Seq…, …NLL, …PPL…) are exact to 1e-9
// nats a row. In the others, w of a token is within 0.63 ulp of float32 and its
// k3 within 1e-6 of its value, however small, and a sum adds a few 1e-8; w² − 1,
// of which Chi2 is the mean, is summed as such and keeps its digits where w is
// near 1.
//
// Sums stay finite by clamping |d| to 1024 in moments, 60 in w and 30 in w², far
// outside of what two models can give; only garbage is altered.
type Summary struct {
	Rows      int64 // all rows
	EmptyRows int64 // rows without a valid token
	Tokens    int64 // valid tokens
	NonFinite int64 // tokens in the mask whose d is NaN or infinite

	// Estimates of KL(rollout‖trainer), tokens being samples of the rollout
	// policy: K1 = mean −d, K2 = mean d²/2, K3 = mean w − 1 − d. K1 and K3 are
	// unbiased, K3 the less noisy unless the mismatch is extreme; K2 is biased
	// upwards from about 0.1 nats. (J. Schulman, "Approximating KL divergence",
	// 2020.)
	K1, K1SE float64
	K2, K2SE float64
	K3, K3SE float64

	MeanAbs, MaxAbs float64 // of |d|
	MinD, MaxD      float64

	MeanRatio float64 // mean w; 1 in expectation
	// Chi2 = mean w² − 1 estimates χ²(trainer‖rollout). It can be negative, and
	// it is blind to tokens that were never sampled: when the exact value is
	// large, samples show only a part of it.
	Chi2 float64
	// Chi2Bounded is Chi2 with |d| clamped to 20, as verl logs it.
	Chi2Bounded float64
	// Over2 and UnderHalf are the shares of tokens with w > 2 and w < ½, where d is
	// beyond ln 2 and −ln 2 rounded to float32.
	Over2, UnderHalf float64

	// ESSToken = (Σw)²/(n Σw²) is the effective share of the n tokens, in (0, 1].
	ESSToken float64
	// ESSSeq is the same over rows with w = e^Σd. One dominating row gives 1/n:
	// a value near that is the estimator's floor, not a measurement.
	ESSSeq float64

	// Of a row's Σd; SeqStd is the population standard deviation.
	SeqMean, SeqStd, SeqMin, SeqMax float64
	// SeqChi2Bounded is the mean of e^2Σd − 1 with |Σd| clamped to 20.
	SeqChi2Bounded float64

	// Of a row's perplexity e^NLL, NLL = −mean log p.
	TrainerNLL, RolloutNLL float64
	TrainerPPL, RolloutPPL float64
	// δ = TrainerNLL − RolloutNLL of a row: mean, mean |δ|, extremes, mean e^δ.
	LogPPLDiff, LogPPLAbsDiff    float64
	LogPPLDiffMin, LogPPLDiffMax float64
	PPLRatio                     float64
}

// Summary returns the figures of what has been accumulated.
func (s *Stats) Summary() Summary {
	n, valid := s.d.Block().N, s.rows-s.empty
	out := Summary{Rows: s.rows, EmptyRows: s.empty, Tokens: n, NonFinite: s.nonFinite}
	if n == 0 {
		return out
	}
	tokens, rows := float64(n), float64(valid)

	d, abs := Moments(s.d.Block()), Moments(s.abs.Block())
	k2, k3, ratio := Moments(s.k2.Block()), Moments(s.k3.Block()), Moments(s.ratio.Block())
	out.K1, out.K1SE = 0-d.Mean(), d.standardError()
	out.K2, out.K2SE = k2.Mean(), k2.standardError()
	out.K3, out.K3SE = k3.Mean(), k3.standardError()
	out.MeanAbs, out.MaxAbs = abs.Mean(), abs.Max
	out.MinD, out.MaxD = d.Min, d.Max
	out.MeanRatio = ratio.Mean()
	out.Chi2 = ratio.SumSq/tokens - 1
	out.Chi2Bounded = s.boundedRatioSq.Float64()/tokens - 1
	out.Over2 = float64(s.over2) / tokens
	out.UnderHalf = float64(s.underHalf) / tokens
	out.ESSToken = ratio.ESS()
	out.ESSSeq = s.essSeq()

	seq := Moments(s.seq.Block())
	out.SeqMean, out.SeqStd, out.SeqMin, out.SeqMax = seq.Mean(), seq.PopulationStd(), seq.Min, seq.Max
	out.SeqChi2Bounded = s.boundedSeqRatioSq.Float64()/rows - 1

	out.TrainerNLL = s.trainerNLL.Float64() / rows
	out.RolloutNLL = s.rolloutNLL.Float64() / rows
	out.TrainerPPL = s.trainerPPL.Float64() / rows
	out.RolloutPPL = s.rolloutPPL.Float64() / rows
	diff := Moments(s.logPPLDiff.Block())
	out.LogPPLDiff, out.LogPPLDiffMin, out.LogPPLDiffMax = diff.Mean(), diff.Min, diff.Max
	out.LogPPLAbsDiff = s.logPPLAbs.Total().Float64() / rows
	out.PPLRatio = s.pplRatio.Float64() / rows
	return out
}

// essSeq keeps the two sums apart from their exponents: they may be e^±1000.
func (s *Stats) essSeq() float64 {
	a, ea := s.seqRatio.Parts()
	b, eb := s.seqRatioSq.Parts()
	return math.Ldexp(a*a/b, 2*ea-eb) / float64(s.rows-s.empty)
}

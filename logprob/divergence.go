package logprob

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// Divergence says how far apart the distributions of two rows are: p, of the
// rollout engine, which samples, and q, of the trainer, which learns. All are at
// least 0, in nats where they have a unit.
type Divergence struct {
	KL             float64 // KL(p‖q) = Σ p·ln(p/q), over what was sampled
	ReverseKL      float64 // KL(q‖p) = Σ q·ln(q/p)
	ChiSquare      float64 // χ²(q‖p) = Σ q²/p − 1, the variance of the importance ratio q/p
	TotalVariation float64 // ½ Σ |p − q|, at most 1
	// NonFinite counts the logits, of both rows, that are NaN, +Inf or beyond
	// 2³⁰ after scaling, and the rows that are -Inf throughout. With any, the
	// figures are NaN.
	NonFinite int
}

// Between returns the divergences of the distributions that two rows of logits
// stand for, both scaled by invTemp. A token that only one of them can choose
// makes those figures +Inf that divide by the other's probability.
//
// It is float64 throughout, and sums terms that are never negative: KL is
// Σ p·(q/p − 1 − ln(q/p)), for both distributions sum to 1. So small divergences
// keep their digits: the figures are within a relative 1e-12, or an absolute
// 1e-15 times the largest |z|.
//
// Between is portable Go, some hundred times slower than [Of]: a figure for
// samples of a batch. It panics if the lengths differ.
func Between[P, Q Logit](rollout []P, trainer []Q, invTemp float32) Divergence {
	checkInvTemp(invTemp)
	if len(rollout) != len(trainer) {
		panic("logprob: lengths of the rows differ")
	}
	lseP, faultsP := logSumExp(rollout, invTemp)
	lseQ, faultsQ := logSumExp(trainer, invTemp)
	if n := faultsP + faultsQ; n > 0 {
		nan := math.NaN()
		return Divergence{KL: nan, ReverseKL: nan, ChiSquare: nan, TotalVariation: nan, NonFinite: n}
	}
	var kl, reverse, chi, tv kernel.RowSum
	for i, x := range rollout {
		t := divergenceTerms(scaled(x, invTemp)-lseP, scaled(trainer[i], invTemp)-lseQ)
		kl.Add(i, t.KL)
		reverse.Add(i, t.ReverseKL)
		chi.Add(i, t.ChiSquare)
		tv.Add(i, t.TotalVariation)
	}
	return Divergence{
		KL:             kl.Total(),
		ReverseKL:      reverse.Total(),
		ChiSquare:      chi.Total(),
		TotalVariation: min(1, tv.Total()/2),
	}
}

// BetweenRows sets dst[i] = Between(row i of rollout, row i of trainer, invTemp),
// with workers as in [Rows]. It panics if the numbers of columns differ, if
// either has fewer rows than dst, or if workers is below 1.
func BetweenRows[P, Q Logit](dst []Divergence, rollout Matrix[P], trainer Matrix[Q], invTemp float32, workers int) {
	checkInvTemp(invTemp)
	rollout.check(len(dst))
	trainer.check(len(dst))
	if rollout.Cols != trainer.Cols {
		panic("logprob: lengths of the rows differ")
	}
	if workers == 1 {
		for i := range dst {
			dst[i] = Between(rollout.row(i), trainer.row(i), invTemp)
		}
		return
	}
	spread(len(dst), workers, func(i int) {
		dst[i] = Between(rollout.row(i), trainer.row(i), invTemp)
	})
}

// logSumExp returns ln Σ e^z in float64, or the number of faults, where a row
// without any mass counts as one.
func logSumExp[L Logit](x []L, a float32) (lse float64, faults int) {
	largest := math.Inf(-1)
	for _, v := range x {
		z := scaled(v, a)
		if z != z {
			faults++
		} else if z > largest {
			largest = z
		}
	}
	if faults > 0 {
		return 0, faults
	}
	if largest < -maxScaled {
		return 0, 1
	}
	var sum kernel.RowSum
	for i, v := range x {
		sum.Add(i, kernel.Exp(scaled(v, a)-largest))
	}
	return largest + kernel.Log(sum.Total()), 0
}

// maxLogRatio bounds |ln(q/p)| where q/p − 1 is worked out.
const maxLogRatio = 60

// divergenceTerms returns what a token adds, with p and q as logarithms. The
// terms of the KL divergences hold q − p and p − q, which sum to 0 over a row.
func divergenceTerms(logP, logQ float64) Divergence {
	if logP < -math.MaxFloat64 || logQ < -math.MaxFloat64 {
		return oneSidedTerms(logP, logQ)
	}
	d := logQ - logP
	if math.Abs(d) > maxLogRatio {
		return distantTerms(logP, logQ)
	}
	p := kernel.Exp(logP)
	w, k3 := kernel.ExpK3(d) // q/p, and w − 1 − d
	e := k3 + d              // w − 1
	// w·d − e, in a form that keeps its digits where w is near 1.
	r := float64(d*d) + float64(k3*(d-1))
	if math.Abs(d) > 0.5 {
		r = float64(w*d) - e
	}
	return Divergence{
		KL:             float64(p * k3),
		ReverseKL:      float64(p * r),
		ChiSquare:      float64(p * e * e),
		TotalVariation: float64(p * math.Abs(e)),
	}
}

// distantTerms is for q/p so large or small that w − 1 is not worked out.
func distantTerms(logP, logQ float64) Divergence {
	p, q, d := kernel.Exp(logP), kernel.Exp(logQ), logQ-logP
	return Divergence{
		KL:             (q - p) - float64(p*d),
		ReverseKL:      (p - q) + float64(q*d),
		ChiSquare:      kernel.Exp(float64(2*logQ)-logP) + (p - float64(2*q)),
		TotalVariation: math.Abs(q - p),
	}
}

// oneSidedTerms is for a token that at most one of the two can choose.
func oneSidedTerms(logP, logQ float64) Divergence {
	p, q, inf := kernel.Exp(logP), kernel.Exp(logQ), math.Inf(1)
	switch {
	case logP > logQ:
		return Divergence{KL: inf, ReverseKL: p, ChiSquare: p, TotalVariation: p}
	case logQ > logP:
		return Divergence{KL: q, ReverseKL: inf, ChiSquare: inf, TotalVariation: q}
	}
	return Divergence{}
}

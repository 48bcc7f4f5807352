package logprob

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
// It reads both rows twice: for their log-sum-exps, and for sums of terms that
// are never negative: KL is Σ p·(q/p − 1 − ln(q/p)), for both distributions sum
// to 1. So small divergences keep their digits: they are within a relative 2e-6,
// or for the total variation within 1e-7, of those of logits that are moved by up
// to 6e-8 of the difference between rollout and trainer.
//
// It panics if the lengths differ.
func Between[P, Q Logit](rollout []P, trainer []Q, invTemp float32) Divergence {
	checkInvTemp(invTemp)
	checkPair(len(rollout), len(trainer))
	p, q := PartialOf(rollout, 0, 0, invTemp), PartialOf(trainer, 0, 0, invTemp)
	d := DivergencePartialOf(rollout, trainer, p.logSumExp(), q.logSumExp(), invTemp)
	return d.Divergence()
}

// BetweenRows sets dst[i] = Between(row i of rollout, row i of trainer, invTemp),
// with workers as in [Rows]. It panics if the numbers of columns differ, if
// either has fewer rows than dst, or if workers is below 1.
func BetweenRows[P, Q Logit](dst []Divergence, rollout Matrix[P], trainer Matrix[Q], invTemp float32, workers int) {
	checkInvTemp(invTemp)
	rollout.check(len(dst))
	trainer.check(len(dst))
	checkPair(rollout.Cols, trainer.Cols)
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

func checkPair(rollout, trainer int) {
	if rollout != trainer {
		panic("logprob: lengths of the rows differ")
	}
}

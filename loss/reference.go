package loss

import (
	"fmt"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// ReferenceKL adds Coef·k(x) to every token's loss, x = reference − current, to
// keep the policy near π_ref. Batch.Weight does not touch it. The zero value adds
// nothing.
//
// Over tokens of π_θ the mean of K1 and of K3 is KL(π_θ‖π_ref), but that of their
// plain gradients is not its gradient. The mean gradient of K2 is; so is that of K1
// and K3 with ScoreFunction, and of any estimator with StraightThrough.
type ReferenceKL struct {
	Estimator Estimator
	Coef      float64 // β
	// StraightThrough gives the estimator's value the gradient of K2, cur −
	// reference. (verl's "k3+".)
	StraightThrough bool
	Weight          KLWeight
}

// Estimator is a function of x whose mean estimates a divergence.
type Estimator uint8

const (
	K1  Estimator = iota // −x, gradient 1
	Abs                  // |x|, gradient −sign x
	K2                   // x²/2, gradient −x
	// K3 is e^x − 1 − x, gradient 1 − e^x, with x clamped to ±bound and constant
	// beyond. (TRL, slime.)
	K3
	// LowVar is K3 with x clamped to ±20 and the weighted value to 10, constant
	// beyond either. (verl's k3 and low_var_kl; NeMo-RL's default.)
	LowVar
)

const maxLowVar = 10

// KLWeight corrects the estimate for tokens that π_θ did not sample. A weight is
// differentiated: that is the point of it.
type KLWeight uint8

const (
	PlainKL KLWeight = iota
	// ScoreFunction weighs by π_θ/sg(π_θ): value 1, and the gradient of the
	// sampling probability. (NeMo-RL; arXiv 2506.09477.)
	ScoreFunction
	// ProximalRatio weighs by π_θ/π_old. (DeepSeek-V3.2's unbiased KL: TRL's
	// use_bias_correction_kl, slime's use_unbiased_kl.)
	ProximalRatio
	// RolloutRatio weighs by π_θ/μ. (NeMo-RL's use_on_policy_kl_approximation.)
	RolloutRatio
)

func (k *ReferenceKL) check() error {
	switch {
	case k.Coef == 0 && *k != ReferenceKL{}:
		return fmt.Errorf("%w: a reference term without a coefficient", ErrConfig)
	case !isScale(k.Coef):
		return fmt.Errorf("%w: reference coefficient %v is not a positive number", ErrConfig, k.Coef)
	case k.Estimator > LowVar:
		return fmt.Errorf("%w: unknown Estimator %d", ErrConfig, k.Estimator)
	case k.Weight > RolloutRatio:
		return fmt.Errorf("%w: unknown KLWeight %d", ErrConfig, k.Weight)
	case k.StraightThrough && k.Weight != PlainKL:
		return fmt.Errorf("%w: a straight-through reference term has its gradient already; no weight", ErrConfig)
	}
	return nil
}

// evaluate sets a token's penalty and its gradient, without the coefficient.
func (k *ReferenceKL) evaluate(t *token, bound float64) {
	x := t.ref - t.cur
	value, grad, free := k.estimate(x, bound)
	if k.StraightThrough {
		t.penalty, t.gradient = value, -x
		return
	}
	w, slope := k.weight(t, bound)
	if !free {
		slope = 0
	}
	t.penalty = float64(w * value)
	t.gradient = float64(w*grad) + float64(slope*value)
	if k.Estimator == LowVar && t.penalty > maxLowVar {
		t.penalty, t.gradient = maxLowVar, 0
	}
}

// estimate returns k(x), ∂k/∂cur, and whether x was not clamped.
func (k *ReferenceKL) estimate(x, bound float64) (value, grad float64, free bool) {
	switch k.Estimator {
	case K1:
		return -x, 1, true
	case Abs:
		switch {
		case x > 0:
			return x, -1, true
		case x < 0:
			return -x, 1, true
		}
		return 0, 0, true
	case K2:
		return float64(x * x / 2), -x, true
	case LowVar:
		bound = MaxLogRatio
	}
	inside := clamp(x, -bound, bound)
	_, value = kernel.ExpK3(inside)
	if inside != x {
		return value, 0, false
	}
	return value, -(value + x), true // e^x − 1 = k3 + x
}

// weight returns the weight and its derivative.
func (k *ReferenceKL) weight(t *token, bound float64) (w, slope float64) {
	anchor := t.proximal
	switch k.Weight {
	case PlainKL:
		return 1, 0
	case ScoreFunction:
		return 1, 1
	case RolloutRatio:
		anchor = t.rollout
	}
	d := t.cur - anchor
	inside := clamp(d, -bound, bound)
	w = kernel.Exp(inside)
	if inside != d {
		return w, 0
	}
	return w, w
}

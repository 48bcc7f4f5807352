package loss

import "github.com/trueup-rl/trueup/internal/kernel"

// VESPO weighs a row by a smooth function of its whole importance weight W:
//
//	ln W = Σ clamp(cur − old, ±bound) + Σ clamp(ln w, ln 1e-8, 20)
//	       clamped to [ln 1e-8, 20]
//	φ = e^(λ + k·ln W − λ·W), which is 1 at W = 1
//	ℓ = −φ·A·cur, ∂ℓ/∂cur = −φ·A; φ is constant
//
// with k and λ of the sign of A (0 counts as positive). Weights are part of W and
// multiply nothing else. (arXiv 2602.10693, as TRL.)
type VESPO struct {
	KPositive, LambdaPositive float64
	KNegative, LambdaNegative float64
}

// DefaultVESPO has TRL's defaults.
var DefaultVESPO = VESPO{KPositive: 2, LambdaPositive: 3, KNegative: 3, LambdaNegative: 2}

const (
	minLogVESPO = -18.420680743952367 // ln 1e-8
	maxLogVESPO = 20
)

func (p VESPO) check() error {
	for _, x := range []float64{p.KPositive, p.LambdaPositive, p.KNegative, p.LambdaNegative} {
		if !isPositive(x) {
			return errParameter("k or lambda", x, "a positive number")
		}
	}
	return nil
}

func (p VESPO) needs() needs { return needs{ratio: true} }

func (p VESPO) evaluate(r *row) {
	r.weighted = true
	logW := 0.0
	for i := range r.tokens {
		logW += r.tokens[i].bounded
		if r.hasWeight {
			logW += clamp(kernel.Log(max(r.tokens[i].weight, 0)), minLogVESPO, maxLogVESPO)
		}
	}
	logW = clamp(logW, minLogVESPO, maxLogVESPO)
	w := kernel.Exp(logW)
	positive := phi(p.KPositive, p.LambdaPositive, w, logW)
	negative := phi(p.KNegative, p.LambdaNegative, w, logW)
	for i := range r.tokens {
		if t := &r.tokens[i]; t.adv >= 0 {
			t.surrogate(positive)
		} else {
			t.surrogate(negative)
		}
	}
}

func phi(k, lambda, w, logW float64) float64 {
	// Below MaxBound for any sensible k; the product may not overflow the rest.
	return kernel.Exp(min(lambda+float64(k*logW)-float64(lambda*w), MaxBound))
}

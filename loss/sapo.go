package loss

import "github.com/trueup-rl/trueup/internal/kernel"

// SAPO puts a smooth gate in place of the clip, with σ the logistic function and
// τ = Positive for A > 0, else Negative:
//
//	ℓ = −A·(4/τ)·σ(τ(r−1))
//	∂ℓ/∂cur = −A·4σ(1−σ)·r while |log r| ≤ bound, else 0
//
// (arXiv 2511.20347, as verl, TRL and SkyRL; 1 and 1.05 are their defaults.)
type SAPO struct{ Positive, Negative float64 }

func (p SAPO) check() error {
	if !isPositive(p.Positive) {
		return errParameter("positive", p.Positive, "a positive number")
	}
	if !isPositive(p.Negative) {
		return errParameter("negative", p.Negative, "a positive number")
	}
	return nil
}

func (p SAPO) needs() needs { return needs{ratio: true} }

func (p SAPO) evaluate(r *row) {
	for i := range r.tokens {
		t := &r.tokens[i]
		tau := p.Negative
		if t.adv > 0 {
			tau = p.Positive
		}
		u := kernel.Exp(float64(-tau * (t.ratio - 1)))
		sigma := 1 / (1 + u) // and 1 − σ = u·σ
		t.factor = float64(4 / tau * sigma)
		t.value = float64(-t.adv * t.factor)
		if t.free() {
			t.grad = float64(-t.adv * 4 * sigma * (u * sigma) * t.ratio)
		}
	}
}

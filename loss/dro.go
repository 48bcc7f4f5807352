package loss

// DRO pulls the policy back to its anchor by a quadratic in d = cur − old:
//
//	ℓ = −A·cur + (Beta/2)·d²
//	∂ℓ/∂cur = −A + Beta·d
//
// (Direct reward optimisation, arXiv 2405.19107, as verl; d is not bounded.)
type DRO struct{ Beta float64 }

func (p DRO) check() error {
	if !isPositive(p.Beta) {
		return errParameter("beta", p.Beta, "a positive number")
	}
	return nil
}

func (p DRO) needs() needs { return needs{} }

func (p DRO) evaluate(r *row) {
	for i := range r.tokens {
		t := &r.tokens[i]
		t.factor = 1
		t.value = float64(p.Beta/2*t.d*t.d) - float64(t.adv*t.cur)
		t.grad = float64(p.Beta*t.d) - t.adv
	}
}

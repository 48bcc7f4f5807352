package loss

// PrimeRL is prime-rl's default loss, DPPO's mask with a quadratic leash on every
// token, with p = e^cur, q = e^old, d = cur − old:
//
//	keep: A > 0: p − q ≤ High   else: p − q ≥ −Low
//	ℓ = −keep·A·r + Kappa·d²
//	∂ℓ/∂cur = −keep·A·r + 2·Kappa·d
//
// The mask is constant; d is not bounded, r is. Use it in mode Bypass with
// TokenMean. (prime-rl at 559b447; arXiv 2602.04879 and 2602.02276. 0.2, 0.2 and
// 1e-3 are its defaults.)
type PrimeRL struct{ Low, High, Kappa float64 }

func (p PrimeRL) check() error {
	if !isScale(p.Kappa) {
		return errParameter("kappa", p.Kappa, "0 or more")
	}
	return checkClip(p.Low, p.High, 0)
}

func (p PrimeRL) needs() needs { return needs{ratio: true} }

func (p PrimeRL) evaluate(r *row) {
	mask := DPPO{Divergence: BinaryTV, Low: p.Low, High: p.High}
	for i := range r.tokens {
		leash(&r.tokens[i], mask.keeps(&r.tokens[i]), p.Kappa)
	}
}

// leash sets −keep·A·r + κ·d².
func leash(t *token, keep bool, kappa float64) {
	t.clipped = !keep
	if keep {
		t.importance()
	}
	t.value += float64(kappa * t.d * t.d)
	t.grad += float64(2 * kappa * t.d)
}

package loss

// PPO is the clipped surrogate, with r = π_θ/anchor:
//
//	ℓ = max(−A·r, −A·clip(r, 1−Low, 1+High))
//	ℓ = min(ℓ, −A·Dual)                       if A < 0 and Dual > 0
//	∂ℓ/∂cur = −A·r while ℓ is that term and |log r| ≤ bound, else 0
//
// A is constant. GRPO, DAPO and Dr.GRPO are this loss with their advantages and
// aggregation. (arXiv 1707.06347; dual clip arXiv 1912.09729; asymmetric clip
// DAPO, arXiv 2503.14476. As verl's vanilla, NeMo-RL, OpenRLHF; Dual is TRL's
// delta.)
type PPO struct {
	Low, High float64
	Dual      float64 // above 1; 0: none
}

func (p PPO) check() error { return checkClip(p.Low, p.High, p.Dual) }

func checkClip(low, high, dual float64) error {
	switch {
	case !(low >= 0):
		return errParameter("low", low, "0 or more")
	case !(high >= 0):
		return errParameter("high", high, "0 or more")
	case dual != 0 && !(dual > 1 && isPositive(dual)):
		return errParameter("dual", dual, "a number above 1")
	}
	return nil
}

func (p PPO) needs() needs { return needs{ratio: true} }

func (p PPO) evaluate(r *row) {
	for i := range r.tokens {
		t := &r.tokens[i]
		p.clip(t, t.ratio, t.free())
	}
}

// clip sets the loss of a token whose ratio is r; free tells whether r depends
// on cur.
func (p PPO) clip(t *token, r float64, free bool) {
	t.factor = clamp(r, 1-p.Low, 1+p.High)
	plain, clipped := float64(-t.adv*r), float64(-t.adv*t.factor)
	t.value = max(plain, clipped)
	t.clipped = clipped > plain
	if free && !t.clipped {
		t.grad = plain
	}
	if least := float64(-t.adv * p.Dual); p.Dual > 0 && t.adv < 0 && t.value > least {
		t.value, t.grad, t.capped = least, 0, true
	}
}

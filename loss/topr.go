package loss

// TOPR tapers the gradient of rows that went wrong by their ratio and leaves
// that of rows that went well alone:
//
//	ℓ = −f·A·cur, f = Positive if the row's reward > 0
//	              f = Negative·clip(r, 0, 1) otherwise, constant
//	∂ℓ/∂cur = −f·A
//
// (Tapered off-policy REINFORCE, arXiv 2503.14286, token by token as ROLL; both
// scales are 1 by default.)
type TOPR struct{ Positive, Negative float64 }

func (p TOPR) check() error {
	if !isScale(p.Positive) {
		return errParameter("positive", p.Positive, "0 or more")
	}
	if !isScale(p.Negative) {
		return errParameter("negative", p.Negative, "0 or more")
	}
	return nil
}

func (p TOPR) needs() needs { return needs{ratio: true, reward: true} }

func (p TOPR) evaluate(r *row) {
	for i := range r.tokens {
		t := &r.tokens[i]
		if r.reward > 0 {
			t.surrogate(p.Positive)
			continue
		}
		t.clipped = t.ratio > 1
		t.surrogate(float64(p.Negative * min(t.ratio, 1)))
	}
}

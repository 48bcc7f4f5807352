package loss

// CISPO clips the ratio but never drops a token's gradient:
//
//	ℓ = −f·A·cur, f = clip(r, 1−Low, 1+High) constant
//	∂ℓ/∂cur = −f·A
//
// Low = 1 means no lower bound, the canonical form. (arXiv 2506.13585, as verl,
// slime and NeMo-RL. TRL's epsilon_high is 1+High, SkyRL's bounds are 1−Low and
// 1+High.)
type CISPO struct{ Low, High float64 }

func (p CISPO) check() error { return checkClip(p.Low, p.High, 0) }
func (p CISPO) needs() needs { return needs{ratio: true} }

func (p CISPO) evaluate(r *row) {
	for i := range r.tokens {
		t := &r.tokens[i]
		f := clamp(t.ratio, 1-p.Low, 1+p.High)
		t.clipped = f != t.ratio
		t.surrogate(f)
	}
}

package loss

import "github.com/trueup-rl/trueup/internal/kernel"

// GMPO maximises the geometric mean of one-sidedly clipped ratios. With d = cur −
// old, Ā and w̄ the row's mean advantage and geometric-mean weight,
//
//	d̃ = min(d, High) if A > 0, max(d, −Low) if A < 0, 0 if A = 0
//	R = e^mean(d̃), the exponent bounded from above
//	ℓ = −Ā·R·w̄ for every token of the row, so that SeqMeanTokenMean gives the
//	    mean over rows
//	∂Σ_u ℓ_u/∂cur_t = −Ā·R·w̄ where d̃ = d and A ≠ 0, else 0
//
// Weights enter as e^mean ln(w + 1e-10). (arXiv 2507.20673, as verl's geo_mean,
// which averages over all rows, empty ones too: count them in Counts.Rows.)
type GMPO struct{ Low, High float64 }

func (p GMPO) check() error { return checkClip(p.Low, p.High, 0) }
func (p GMPO) needs() needs { return needs{ratio: true} }

func (p GMPO) evaluate(r *row) {
	const weightFloor = 1e-10
	r.weighted = true
	n := float64(len(r.tokens))
	var d, adv, logWeight float64
	for i := range r.tokens {
		t := &r.tokens[i]
		d += p.clip(t)
		adv += t.adv
		if r.hasWeight {
			logWeight += kernel.Log(max(t.weight, 0) + weightFloor)
		}
	}
	mean, free := expBelow(d/n, r.bound)
	w := kernel.Exp(logWeight / n)
	value := float64(-adv / n * mean * w)
	for i := range r.tokens {
		t := &r.tokens[i]
		t.value, t.factor = value, mean
		if free && t.adv != 0 && p.clip(t) == t.d {
			t.grad = value
		}
		t.clipped = t.adv != 0 && (t.d > p.High || t.d < -p.Low)
	}
}

func (p GMPO) clip(t *token) float64 {
	switch {
	case t.adv > 0:
		return min(t.d, p.High)
	case t.adv < 0:
		return max(t.d, -p.Low)
	}
	return 0
}

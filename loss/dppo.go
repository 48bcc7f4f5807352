package loss

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// Divergence is what DPPO bounds, between the probabilities p = e^cur and
// q = e^old of the sampled token alone.
type Divergence uint8

const (
	BinaryTV Divergence = iota // p − q, signed
	// BinaryKL is q·ln(q/p) + (1−q)·ln((1−q+1e-8)/(1−p+1e-8)).
	BinaryKL
)

// DPPO masks tokens that moved too far in the direction their advantage pushes,
// by a divergence in place of PPO's ratio:
//
//	BinaryTV  keep: A > 0: p − q ≤ High        else: p − q ≥ −Low
//	BinaryKL  keep: A > 0: D ≤ High or p ≤ q   else: D ≤ Low or p ≥ q
//	TokenForm  ℓ = −A·f·cur, f = min(r, Cap) constant; ∂ℓ/∂cur = −A·f
//	RatioForm  ℓ = −A·r;                               ∂ℓ/∂cur = −A·r
//
// on kept tokens and 0 elsewhere; the mask is constant. Where p > 1 and D is
// undefined, D ≤ … is false. (arXiv 2602.04879.
// TokenForm as verl, RatioForm as SkyRL.)
type DPPO struct {
	Divergence Divergence
	Low, High  float64
	Cap        float64 // of TokenForm; 0: none
	Form       Form
}

func (p DPPO) check() error {
	switch {
	case p.Divergence > BinaryKL:
		return errParameter("divergence", float64(p.Divergence), "BinaryTV or BinaryKL")
	case p.Form != TokenForm && p.Form != RatioForm:
		return errParameter("form", float64(p.Form), "token or ratio")
	case p.Cap != 0 && !isPositive(p.Cap):
		return errParameter("cap", p.Cap, "a positive number")
	case p.Cap != 0 && p.Form == RatioForm:
		return errParameter("cap", p.Cap, "none in the ratio form")
	}
	return checkClip(p.Low, p.High, 0)
}

func (p DPPO) needs() needs { return needs{ratio: true} }

func (p DPPO) evaluate(r *row) {
	most := p.Cap
	if most == 0 {
		most = math.Inf(1)
	}
	for i := range r.tokens {
		t := &r.tokens[i]
		if !p.keeps(t) {
			t.clipped = true
			continue
		}
		if p.Form == RatioForm {
			t.importance()
			continue
		}
		t.capped = t.ratio > most
		t.surrogate(min(t.ratio, most))
	}
}

func (p DPPO) keeps(t *token) bool {
	now, was := probability(t.cur), probability(t.old)
	if p.Divergence == BinaryTV {
		if t.adv > 0 {
			return now-was <= p.High
		}
		return now-was >= -p.Low
	}
	if t.adv > 0 {
		return now <= was || binaryKL(t.old, t.cur) <= p.High
	}
	return now >= was || binaryKL(t.old, t.cur) <= p.Low
}

// binaryKL returns the divergence of the two-way split into the sampled token
// and all others, from log-probability old to cur.
func binaryKL(old, cur float64) float64 {
	const eps = 1e-8 // keeps the logarithm finite at probability 1
	q, p := probability(old), probability(cur)
	return float64(q*(old-cur)) + float64((1-q)*kernel.Log((1-q+eps)/(1-p+eps)))
}

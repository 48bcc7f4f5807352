package loss

import "math"

// RatioRule says how Reinforce weighs a token by r = π_θ/anchor.
type RatioRule uint8

const (
	Unweighted RatioRule = iota // f = 1
	Truncate                    // f = min(r, Hi)
	// IcePop is f = r where Lo < r < Hi and 0 elsewhere, an open interval.
	IcePop
)

// Reinforce is the policy gradient with an importance weight that is constant
// for differentiation:
//
//	ℓ = −f·A·cur, ∂ℓ/∂cur = −f·A
//
// With a rule it refuses Batch.Weight in bypass mode; without one the weight is
// Batch.Weight. (Truncate: TIS, as ROLL's with Hi = 1. IcePop: GLM-5, as SkyRL's
// rollout_is with Lo = 1−ε, Hi = 1+ε. Unweighted with weights: verl's bypass
// reinforce.)
type Reinforce struct {
	Rule   RatioRule
	Lo, Hi float64
}

func (p Reinforce) check() error {
	switch {
	case p.Rule == Unweighted && p != Reinforce{}:
		return errParameter("hi", p.Hi, "none without a rule")
	case p.Rule == Truncate && p.Lo != 0:
		return errParameter("lo", p.Lo, "none with truncation")
	case p.Rule > IcePop:
		return errParameter("rule", float64(p.Rule), "Unweighted, Truncate or IcePop")
	case p.Rule != Unweighted && !(p.Lo >= 0 && p.Hi > p.Lo) || math.IsInf(p.Lo, 0):
		return errParameter("hi", p.Hi, "more than lo, which is 0 or more")
	}
	return nil
}

func (p Reinforce) needs() needs { return needs{ratio: p.Rule != Unweighted} }

func (p Reinforce) evaluate(r *row) {
	for i := range r.tokens {
		t := &r.tokens[i]
		f := p.factor(t.ratio)
		t.clipped = p.Rule != Unweighted && f != t.ratio
		t.surrogate(f)
	}
}

func (p Reinforce) factor(r float64) float64 {
	switch {
	case p.Rule == Unweighted:
		return 1
	case p.Rule == Truncate:
		return min(r, p.Hi)
	case p.Lo < r && r < p.Hi:
		return r
	}
	return 0
}

package loss

import (
	"fmt"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// A Policy is a policy loss, one of the types of this package: PPO, GSPO, CISPO,
// DPPO, SAPO, GMPO, Reinforce, GPG, Importance, DRO, Kimi, TOPR, VESPO, M2PO,
// PrimeRL, IPO. String gives its terms in a configuration's text.
type Policy interface {
	fmt.Stringer
	check() error
	needs() needs
	// evaluate fills in what the loss makes of each token of a row.
	evaluate(r *row)
}

// needs says what a loss reads beyond log-probabilities and advantages.
type needs struct {
	ratio   bool // multiplies the gradient by π_θ/anchor
	rollout bool
	reward  bool
}

// row is what a loss sees of a row: its tokens in the mask, in order.
type row struct {
	tokens []token
	reward float64
	bound  float64 // largest log-ratio that is exponentiated
	cut    float64 // of M2PO, for the whole batch
	// hasWeight tells that the batch has weights. A loss in which they do not
	// simply multiply value and grad applies them itself and sets weighted.
	hasWeight, weighted bool
	hasRollout          bool
}

// token is one token of a row.
type token struct {
	at                int     // in the row
	cur, old          float64 // log π_θ and the anchor's
	rollout, ref      float64
	proximal          float64 // of the reference term's weight
	moment            float64 // of M2PO
	adv, weight       float64
	d                 float64 // cur − old
	bounded, ratio    float64 // d clamped to ±bound, and e to its power
	k3                float64 // ratio − 1 − bounded
	value, grad       float64 // ℓ and ∂ℓ/∂cur, before the weight
	factor            float64 // what the loss makes of the ratio
	clipped, capped   bool
	penalty, gradient float64 // of the reference term
}

// free reports whether the ratio depends on cur: a clamped exponent does not.
func (t *token) free() bool { return t.d == t.bounded }

// surrogate sets the loss −f·A·cur with f constant: the gradient is −f·A.
func (t *token) surrogate(f float64) {
	t.factor = f
	t.grad = float64(-f * t.adv)
	t.value = float64(t.grad * t.cur)
}

// importance sets the loss −A·r, whose gradient is −A·r too.
func (t *token) importance() {
	t.factor = t.ratio
	t.value = float64(-t.adv * t.ratio)
	if t.free() {
		t.grad = t.value
	}
}

// probability returns e^logp; a logp above 0, which no model gives, is bounded only
// to stay finite.
func probability(logp float64) float64 { return kernel.Exp(min(logp, MaxBound)) }

func clamp(x, lo, hi float64) float64 { return max(lo, min(x, hi)) }

// expBelow returns e^x with x bounded from above, and whether it did not have to
// be.
func expBelow(x, most float64) (y float64, free bool) {
	return kernel.Exp(min(x, most)), x <= most
}

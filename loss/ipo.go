package loss

import "math"

// IPO is prime-rl's loss of that name, PrimeRL with a mask that does not look at
// the advantage: keep |e^cur − e^old| ≤ Threshold. (prime-rl at 559b447; 0.1 and
// 1e-3 are its defaults. Not identity preference optimisation.)
type IPO struct{ Threshold, Kappa float64 }

func (p IPO) check() error {
	if !isScale(p.Kappa) {
		return errParameter("kappa", p.Kappa, "0 or more")
	}
	return checkClip(p.Threshold, p.Threshold, 0)
}

func (p IPO) needs() needs { return needs{ratio: true} }

func (p IPO) evaluate(r *row) {
	for i := range r.tokens {
		t := &r.tokens[i]
		moved := math.Abs(probability(t.cur) - probability(t.old))
		leash(t, moved <= p.Threshold, p.Kappa)
	}
}

package loss

// Kimi is the loss of Kimi k1.5, in form DRO's with Tau for Beta:
//
//	ℓ = −A·cur + (Tau/2)·(cur − old)²
//	∂ℓ/∂cur = −A + Tau·(cur − old)
//
// (arXiv 2501.12599 equation 3, as ROLL's kimi15; 0.1 is its default.)
type Kimi struct{ Tau float64 }

func (p Kimi) check() error {
	if !isPositive(p.Tau) {
		return errParameter("tau", p.Tau, "a positive number")
	}
	return nil
}

func (p Kimi) needs() needs    { return needs{} }
func (p Kimi) evaluate(r *row) { DRO{Beta: p.Tau}.evaluate(r) }

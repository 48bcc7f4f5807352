package loss

import "slices"

// M2PO drops the fewest tokens that bring the second moment of the log-ratio
// below Tau, and clips nothing else:
//
//	x = (rollout − proximal)² in mode Decoupled, else (rollout − current)²
//	drop the largest x until the mean of the rest is below Tau; the smallest stays
//	ℓ = −A·r on kept tokens, 0 on others; ∂ℓ/∂cur = −A·r
//
// The mask is constant. It is chosen among the tokens of one call: micro-batches
// choose each for itself. Tokens with equal x share their fate.
// (arXiv 2510.01161, with the selection as AReaL has it; 0.04 is commonly
// quoted.)
type M2PO struct{ Tau float64 }

func (p M2PO) check() error {
	if !isPositive(p.Tau) {
		return errParameter("tau", p.Tau, "a positive number")
	}
	return nil
}

func (p M2PO) needs() needs { return needs{ratio: true, rollout: true} }

func (p M2PO) evaluate(r *row) {
	for i := range r.tokens {
		t := &r.tokens[i]
		if t.moment > r.cut {
			t.clipped = true
			continue
		}
		t.importance()
	}
}

// cut returns the largest x that is kept. It sorts xs.
func (p M2PO) cut(xs []float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	slices.Sort(xs)
	n, sum := 1, xs[0] // kept; sorted, their mean only grows with n
	for n < len(xs) && (sum+xs[n])/float64(n+1) < p.Tau {
		sum += xs[n]
		n++
	}
	if n < len(xs) && xs[n] == xs[n-1] { // the cut falls among equals: all go
		first, _ := slices.BinarySearch(xs[:n], xs[n])
		n = max(first, 1)
	}
	return xs[n-1]
}

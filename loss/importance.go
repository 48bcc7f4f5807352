package loss

// Importance is the importance-sampled policy gradient without any clip:
//
//	ℓ = −A·r, ∂ℓ/∂cur = −A·r while |log r| ≤ bound, else 0
//
// (MiniRL, arXiv 2512.01374; SkyRL's and Tinker's importance_sampling.)
type Importance struct{}

func (Importance) check() error { return nil }
func (Importance) needs() needs { return needs{ratio: true} }

func (Importance) evaluate(r *row) {
	for i := range r.tokens {
		r.tokens[i].importance()
	}
}

package loss

// GPG is the bare policy gradient: ℓ = −A·cur, ∂ℓ/∂cur = −A. What sets it apart
// lies in the advantages. (arXiv 2504.02546, as verl.)
type GPG struct{}

func (GPG) check() error    { return nil }
func (GPG) needs() needs    { return needs{} }
func (GPG) evaluate(r *row) { Reinforce{}.evaluate(r) }

package loss

// MaxLogSequenceRatio bounds the row mean that GSPO's token form exponentiates,
// as verl and SkyRL do.
const MaxLogSequenceRatio = 10

// Form tells two published forms of one loss apart.
type Form uint8

const (
	// TokenForm of GSPO lets the gradient through each token's own probability;
	// of DPPO it multiplies cur by a constant ratio.
	TokenForm Form = iota
	// SequenceForm of GSPO lets the gradient through the row's mean.
	SequenceForm
	// RatioForm of DPPO lets the gradient through the ratio.
	RatioForm
)

// GSPO is PPO with the row's geometric-mean ratio in place of each token's:
//
//	s = e^mean(cur − old), the mean over the row's tokens in the mask
//	ℓ = max(−A·s, −A·clip(s, 1−Low, 1+High)), Dual as in PPO
//	TokenForm:    ∂ℓ_t/∂cur_t = −A_t·s while that term rules
//	SequenceForm: ∂Σ_u ℓ_u/∂cur_t = (1/L)·Σ_u w_u·(−A_u·s) over the u it rules
//
// The forms are one where A is constant along a row. The exponent is bounded
// from above by MaxLogSequenceRatio in TokenForm and by the configuration's
// bound in SequenceForm; a bounded one is constant. Aggregate it with
// SeqMeanTokenMean. (arXiv 2507.18071. TokenForm as verl and SkyRL, SequenceForm
// as NeMo-RL, TRL, slime, OpenRLHF.)
type GSPO struct {
	Low, High, Dual float64
	Form            Form
}

func (p GSPO) check() error {
	if p.Form > SequenceForm {
		return errParameter("form", float64(p.Form), "token or sequence")
	}
	return checkClip(p.Low, p.High, p.Dual)
}

func (p GSPO) needs() needs { return needs{ratio: true} }

func (p GSPO) evaluate(r *row) {
	n := float64(len(r.tokens))
	sum := 0.0
	for i := range r.tokens {
		sum += r.tokens[i].d
	}
	most := r.bound
	if p.Form == TokenForm {
		most = MaxLogSequenceRatio
	}
	s, free := expBelow(sum/n, most)
	clip := PPO{p.Low, p.High, p.Dual}
	shared := 0.0
	for i := range r.tokens {
		t := &r.tokens[i]
		t.ratio = s
		clip.clip(t, s, free)
		shared += float64(t.weight * t.grad)
	}
	if p.Form == TokenForm {
		return
	}
	r.weighted = true
	for i := range r.tokens {
		t := &r.tokens[i]
		t.value = float64(t.weight * t.value)
		t.grad = shared / n
	}
}

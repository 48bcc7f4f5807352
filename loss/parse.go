package loss

// policy reads the policy loss: the first term, and those of the others that
// belong to it.
func (ts terms) policy() (Policy, error) {
	r := reader{terms: ts}
	first := &ts[0]
	first.used = true
	var p Policy
	switch first.name {
	case "ppo":
		low, high := r.pairOf(first, 0.2, 0.2)
		p = PPO{Low: low, High: high, Dual: r.number("dual", 0)}
	case "gspo":
		low, high := r.pairOf(first, 3e-4, 4e-4)
		p = GSPO{Low: low, High: high, Dual: r.number("dual", 0), Form: r.form()}
	case "cispo":
		low, high := r.pairOf(first, 1, 4)
		p = CISPO{low, high}
	case "dppo-tv":
		low, high := r.pairOf(first, 0.2, 0.2)
		p = DPPO{BinaryTV, low, high, r.number("cap", 0), r.form()}
	case "dppo-kl":
		low, high := r.pairOf(first, 0.05, 0.05)
		p = DPPO{BinaryKL, low, high, r.number("cap", 0), r.form()}
	case "sapo":
		positive, negative := r.pairOf(first, 1, 1.05)
		p = SAPO{positive, negative}
	case "gmpo":
		low, high := r.pairOf(first, 0.4, 0.4)
		p = GMPO{low, high}
	case "reinforce":
		r.none(first)
		p = r.reinforce()
	case "gpg":
		r.none(first)
		p = GPG{}
	case "importance":
		r.none(first)
		p = Importance{}
	case "dro":
		p = DRO{Beta: r.numberOf(first, 0)} // no default
	case "kimi":
		p = Kimi{Tau: r.numberOf(first, 0.1)}
	case "topr":
		positive, negative := r.pairOf(first, 1, 1)
		p = TOPR{positive, negative}
	case "vespo":
		r.none(first)
		p = r.vespo()
	case "m2po":
		p = M2PO{Tau: r.numberOf(first, 0.04)}
	case "prime-rl":
		low, high := r.pairOf(first, 0.2, 0.2)
		p = PrimeRL{low, high, r.number("kappa", 1e-3)}
	case "ipo":
		p = IPO{r.numberOf(first, 0.1), r.number("kappa", 1e-3)}
	default:
		return nil, first.errorf("is no policy loss")
	}
	return p, r.err
}

func (p PPO) String() string { return "ppo:" + formatPair(p.Low, p.High) + optional("dual", p.Dual, 0) }

func (p GSPO) String() string {
	return "gspo:" + formatPair(p.Low, p.High) + optional("dual", p.Dual, 0) + p.Form.term()
}

func (p CISPO) String() string { return "cispo:" + formatPair(p.Low, p.High) }

func (p DPPO) String() string {
	name := "dppo-tv:"
	if p.Divergence == BinaryKL {
		name = "dppo-kl:"
	}
	return name + formatPair(p.Low, p.High) + optional("cap", p.Cap, 0) + p.Form.term()
}

func (p SAPO) String() string { return "sapo:" + formatPair(p.Positive, p.Negative) }
func (p GMPO) String() string { return "gmpo:" + formatPair(p.Low, p.High) }

func (p Reinforce) String() string {
	switch p.Rule {
	case Truncate:
		return "reinforce, tis:" + format(p.Hi)
	case IcePop:
		return "reinforce, icepop:" + formatPair(p.Lo, p.Hi)
	}
	return "reinforce"
}

func (GPG) String() string        { return "gpg" }
func (Importance) String() string { return "importance" }
func (p DRO) String() string      { return "dro:" + format(p.Beta) }
func (p Kimi) String() string     { return "kimi:" + format(p.Tau) }
func (p TOPR) String() string     { return "topr:" + formatPair(p.Positive, p.Negative) }

func (p VESPO) String() string {
	s := "vespo"
	if d := DefaultVESPO; p.KPositive != d.KPositive || p.KNegative != d.KNegative {
		s += ", k:" + formatPair(p.KPositive, p.KNegative)
	}
	if d := DefaultVESPO; p.LambdaPositive != d.LambdaPositive || p.LambdaNegative != d.LambdaNegative {
		s += ", lambda:" + formatPair(p.LambdaPositive, p.LambdaNegative)
	}
	return s
}

func (p M2PO) String() string { return "m2po:" + format(p.Tau) }

func (p PrimeRL) String() string {
	return "prime-rl:" + formatPair(p.Low, p.High) + optional("kappa", p.Kappa, 1e-3)
}

func (p IPO) String() string { return "ipo:" + format(p.Threshold) + optional("kappa", p.Kappa, 1e-3) }

func optional(name string, x, usual float64) string {
	if x == usual {
		return ""
	}
	return ", " + name + ":" + format(x)
}

func (f Form) term() string {
	if f == TokenForm {
		return ""
	}
	return ", form:" + nameOf(formNames[:], f)
}

// reader takes a policy loss's parameters from the terms; err is the first thing
// that went wrong.
type reader struct {
	terms terms
	err   error
}

// find returns the last term of a name, nil if there is none, and marks all of
// them used.
func (r *reader) find(name string) (t *term) {
	for i := range r.terms {
		if r.terms[i].name == name {
			r.terms[i].used = true
			t = &r.terms[i]
		}
	}
	return t
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) none(t *term) {
	if t.value != "" {
		r.fail(t.errorf("takes no value"))
	}
}

func (r *reader) numberOf(t *term, missing float64) float64 {
	if t == nil || t.value == "" {
		return missing
	}
	x, err := t.number()
	r.fail(err)
	return x
}

func (r *reader) number(name string, missing float64) float64 {
	return r.numberOf(r.find(name), missing)
}

func (r *reader) pairOf(t *term, lo, hi float64) (float64, float64) {
	if t == nil || t.value == "" {
		return lo, hi
	}
	lo, hi, err := t.pair()
	r.fail(err)
	return lo, hi
}

func (r *reader) form() Form {
	t := r.find("form")
	if t == nil {
		return TokenForm
	}
	f, err := choose[Form](t, formNames[:])
	r.fail(err)
	return f
}

func (r *reader) reinforce() Reinforce {
	tis, icepop := r.find("tis"), r.find("icepop")
	switch {
	case tis != nil && icepop != nil:
		r.fail(icepop.errorf("is a second rule"))
	case tis != nil:
		return Reinforce{Rule: Truncate, Hi: r.numberOf(tis, 0)}
	case icepop != nil:
		lo, hi := r.pairOf(icepop, 0, 0)
		return Reinforce{Rule: IcePop, Lo: lo, Hi: hi}
	}
	return Reinforce{}
}

func (r *reader) vespo() VESPO {
	p := DefaultVESPO
	p.KPositive, p.KNegative = r.pairOf(r.find("k"), p.KPositive, p.KNegative)
	p.LambdaPositive, p.LambdaNegative = r.pairOf(r.find("lambda"), p.LambdaPositive, p.LambdaNegative)
	return p
}

package plan

import (
	"fmt"
	"strings"
)

// Factor is one part of a speed-up.
type Factor struct {
	Name string  `json:"name"`
	Gain float64 `json:"gain"`
}

// Decomposition takes a speed-up apart into factors, whose product with the
// residual it is.
type Decomposition struct {
	Total     float64  `json:"total"`
	Factors   []Factor `json:"factors"`
	Explained float64  `json:"explained"` // product of the factors
	// Residual is what no part accounts for: above 1 something else helped, or the
	// claim is too high; below 1 something was lost.
	Residual float64 `json:"residual"`
}

// Decompose takes a claimed speed-up of the whole step apart into what the parts
// give, one after the other, at the ideal split of each. The first factor is what
// balance alone gives a fleet that was split otherwise; there is none for the zero
// Split. Gains of later parts depend on earlier ones: a faster engine gains more
// of a step whose trainer is faster already. An error wraps ErrInput.
func Decompose(in Inputs, from Split, total float64, parts ...Change) (Decomposition, error) {
	if !(total > 0 && total <= 1e12) {
		return Decomposition{}, fmt.Errorf("%w: total is %v, not a speed-up", ErrInput, total)
	}
	if err := in.Check(); err != nil {
		return Decomposition{}, err
	}
	d := Decomposition{Total: total, Explained: 1}
	add := func(name string, gain float64) {
		d.Factors = append(d.Factors, Factor{name, gain})
		d.Explained = float64(d.Explained * gain)
	}
	step := idealStep(in)
	if from != (Split{}) {
		p, err := Evaluate(in, from)
		if err != nil {
			return Decomposition{}, err
		}
		add("balance", p.StepSeconds/step)
	}
	for _, part := range parts {
		part.Apply(&in)
		if err := in.Check(); err != nil {
			return Decomposition{}, fmt.Errorf("%s: %w", part.Name, err)
		}
		next := idealStep(in)
		add(part.Name, step/next)
		step = next
	}
	d.Residual = total / d.Explained
	return d, nil
}

func idealStep(in Inputs) float64 { return (&evaluator{}).with(in).ideal().StepSeconds }

// String returns the decomposition as an equation.
func (d Decomposition) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%.2f =", d.Total)
	for _, f := range d.Factors {
		fmt.Fprintf(&b, " %.2f (%s) ×", f.Gain, f.Name)
	}
	fmt.Fprintf(&b, " %.2f (residual)", d.Residual)
	return b.String()
}

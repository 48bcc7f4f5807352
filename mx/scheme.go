package mx

import (
	"math"
	"sync"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// scheme is a recipe for one format, as the kernels take it.
type scheme struct {
	*element
	format Format
	code   codeRule
	scale  kernel.MXScale
}

var schemes [recipeCount][formatCount]struct {
	sync.Once
	scheme
}

// scheme returns what r is made of for format f. It panics if [Recipe.Check] has an error.
func (r Recipe) scheme(f Format) *scheme {
	if err := r.Check(f); err != nil {
		panic(err.Error())
	}
	s := &schemes[r][f]
	s.Do(func() {
		row := &rows[r]
		s.scheme = scheme{
			element: f.element(),
			format:  f,
			code:    row.codes[f],
			scale:   kernel.MXScale{Steps: steps(row.rule, f.element()), Zero: row.zero, NaN: row.nan},
		}
	})
	return &s.scheme
}

// steps returns what kernel.MXScale says of the rule, by bisection.
func steps(rule exponentRule, e *element) (table [256]uint32) {
	at := func(field, mantissa uint32) uint32 { // the scale's byte
		b := math.Float32frombits(field<<mantissaBits | mantissa)
		return uint32(min(max(rule(e, b), -127), 127) + 127)
	}
	for field := range uint32(255) {
		base := at(field, 0)
		table[field] = base << mantissaBits
		if at(field, mantissaMask) == base {
			continue
		}
		below, above := uint32(0), uint32(mantissaMask)
		for above-below > 1 {
			if mid := (below + above) / 2; at(field, mid) == base {
				below = mid
			} else {
				above = mid
			}
		}
		table[field] += 1<<mantissaBits - above
	}
	table[255] = at(255, 0) << mantissaBits // infinity; NaN needs no entry
	return table
}

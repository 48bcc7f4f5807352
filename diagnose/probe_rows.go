package diagnose

import (
	"math"
	"slices"
)

const (
	// Rows that are looked at, those with the largest mean |d| first, and how
	// many of their tokens are laid beside those of every other row.
	suspects  = 64
	prefixLen = 64
)

// probeRowOrder looks for rows whose trainer values lie beside the rollout values
// of another row.
func probeRowOrder(p *pairs) []Finding {
	type suspect struct {
		row int
		own deviation
	}
	var all []suspect
	for i := range p.count {
		if a := p.crossed(i, i); a.n >= 2*fewestTokens {
			all = append(all, suspect{i, a})
		}
	}
	slices.SortStableFunc(all, func(a, b suspect) int {
		switch x, y := a.own.mean(), b.own.mean(); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	all = all[:min(len(all), suspects)]

	f := Finding{Kind: RowOrder, Test: LikelihoodRatio, Threshold: p.logOdds(suspects * p.count),
		Fix: "Join the two columns by row id: rows were reordered, or answers came back in the order in which they finished."}
	var own, there deviation
	for _, s := range all {
		best, odds := s.own, 0.0
		for j := range p.count {
			if a := p.crossed(s.row, j); j != s.row && a.n >= 2*fewestTokens && a.over(s.own) > odds {
				best, odds = a, a.over(s.own)
			}
		}
		if odds > f.Threshold {
			f.Rows = append(f.Rows, s.row)
			f.Strength += odds
			own.add(s.own)
			there.add(best)
		}
	}
	if len(f.Rows) == 0 {
		return nil
	}
	slices.Sort(f.Rows)
	p.explain(f.Rows)
	f.Evidence = []Quantity{
		{"mean |d| as given", own.mean(), "nats"}, {"mean |d| beside the row that fits best", there.mean(), "nats"},
		{"rows looked at", float64(len(all)), ""},
	}
	return []Finding{f}
}

// crossed returns |d| of row i's trainer values beside row j's rollout values.
func (p *pairs) crossed(i, j int) deviation {
	var a deviation
	si, ei := p.Layout.Row(i)
	sj, ej := p.Layout.Row(j)
	for t := range min(ei-si, ej-sj, prefixLen) {
		if p.usable[si+t] && p.usable[sj+t] {
			a.n++
			a.sum += math.Abs(float64(p.Trainer[si+t]) - float64(p.Rollout[sj+t]))
		}
	}
	return a
}

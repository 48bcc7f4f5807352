package diagnose

import (
	"fmt"
	"math"
	"slices"

	"github.com/trueup-rl/trueup/internal/kernel"
)

const (
	// A sampled token with a probability of e^−80 was not sampled.
	impossible = -80
	// Next to 0, where softmax saturates, exact values do repeat.
	saturated = -0.001
	// How near, as a share, values are to which a repeated one is compared.
	vicinity = 0.02
	// The fewest copies that are looked at.
	fewestCopies = 4
	// The mean −ln p, in nats, that one side may give to what the other is sure of.
	mostDoubt = 0.75
)

// probePadding looks for constants that stand in for log-probabilities.
//
//   - In the rollout column no value can lie below −80, and none far below −1000
//     in the trainer's.
//   - A value that occurs at m different positions of rows, where its neighbours
//     within 2 %, or all others, occur μ times on average (about once in float32,
//     more often in a column that was rounded), has ln LR = m·ln(m/μ) − (m − μ) over a Poisson
//     count. Positions and not tokens are counted, since answers to one prompt
//     share their first contexts.
//   - Near 0, where confident tokens repeat values with good reason, the other
//     column must contradict, with a mean −ln p above half its average or 0.75 nats.
func probePadding(p *pairs) []Finding {
	found := p.paddingIn(p.Rollout, p.Trainer, "rollout", impossible)
	return append(found, p.paddingIn(p.Trainer, p.Rollout, "trainer", -1000)...)
}

// place is a token and its value.
type place struct {
	value    float32
	row, at  int // at is the element of the layout
	position int // in the row
}

func (p *pairs) paddingIn(column, other []float32, name string, lowest float32) []Finding {
	var all []place
	nll := 0.0
	for i := range p.count {
		start, end := p.Layout.Row(i)
		for t := start; t < end; t++ {
			if p.usable[t] {
				all = append(all, place{column[t], i, t, t - start})
				nll -= max(float64(other[t]), impossible)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	nll /= float64(len(all))
	slices.SortStableFunc(all, func(a, b place) int {
		switch {
		case a.value < b.value:
			return -1
		case a.value > b.value:
			return 1
		}
		return 0
	})

	var runs [][]place // of equal values
	for from := 0; from < len(all); {
		to := from + 1
		for to < len(all) && all[to].value == all[from].value {
			to++
		}
		runs = append(runs, all[from:to])
		from = to
	}
	threshold := p.logOdds(2 * len(runs))
	var found []Finding
	for k, run := range runs {
		v := run[0].value
		f := Finding{Kind: Padding, Test: LikelihoodRatio, Threshold: threshold}
		switch {
		case v < lowest:
			f.Test, f.Strength, f.Threshold = Certain, float64(len(run)), 0
		case len(run) < fewestCopies:
		case v > saturated:
			// As if −ln p of the other column were exponential, with a mean of
			// honest at most.
			honest := min(nll/2, mostDoubt)
			if ratio := meanNLL(run, other) / honest; ratio > 1 {
				f.Strength = float64(float64(len(run)) * (ratio - 1 - kernel.Log(ratio)))
			}
		default:
			m, mu := float64(positions(run)), multiplicity(runs, k, len(all))
			if m > mu {
				f.Strength = float64(m*kernel.Log(m/mu)) - (m - mu)
			}
		}
		if f.Strength <= f.Threshold {
			continue
		}
		for _, x := range run {
			p.usable[x.at] = false
			if len(f.Rows) == 0 || f.Rows[len(f.Rows)-1] != x.row {
				f.Rows = append(f.Rows, x.row) // runs keep the order of rows
			}
		}
		f.Evidence = []Quantity{
			{"value in the " + name + " column", float64(v), "nats"}, {"copies", float64(len(run)), ""},
			{"mean −ln p of the other column there", meanNLL(run, other), "nats"},
		}
		f.Fix = fmt.Sprintf("%g in the %s column is a filler, not a log-probability: mask those tokens, or carry NaN there and let the policy's nonfinite rule decide.", v, name)
		if found = append(found, f); len(found) == 8 {
			break // a column of sentinels need not list each
		}
	}
	return found
}

// positions counts the different positions of places.
func positions(run []place) int {
	seen := make(map[int]struct{}, len(run))
	for _, x := range run {
		seen[x.position] = struct{}{}
	}
	return len(seen)
}

// multiplicity returns how often the values near that of runs[k] occur, or all
// other values if that is more: a column may have few levels altogether.
func multiplicity(runs [][]place, k, total int) float64 {
	others := 1.0
	if len(runs) > 1 {
		others = float64(total-len(runs[k])) / float64(len(runs)-1)
	}
	v := float64(runs[k][0].value)
	tokens, values := 0, 0
	for _, step := range []int{-1, 1} {
		for i := k + step; i >= 0 && i < len(runs); i += step {
			if math.Abs(float64(runs[i][0].value)-v) > float64(vicinity*math.Abs(v)) {
				break
			}
			tokens += len(runs[i])
			values++
		}
	}
	if values == 0 {
		return others
	}
	return max(others, float64(tokens)/float64(values))
}

func meanNLL(run []place, column []float32) float64 {
	sum := 0.0
	for _, x := range run {
		sum -= max(float64(column[x.at]), impossible)
	}
	return sum / float64(len(run))
}

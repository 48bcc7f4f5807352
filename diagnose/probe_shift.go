package diagnose

import (
	"fmt"
	"math"

	"github.com/trueup-rl/trueup/internal/kernel"
)

const (
	maxShift = 2
	// The fewest tokens of a row that say anything about its alignment.
	fewestTokens = 4
	// Added to mean |d|: differences below are rounding, and exact columns must
	// not have infinite odds.
	rounding = 1e-3
	// A place where a column fits must halve mean |d|, nearly: of two wrong places
	// one is always the better.
	muchNearer = 0.6
)

// deviation is a sum of |d| over n tokens.
type deviation struct {
	n   int
	sum float64
}

func (a *deviation) add(b deviation) { a.n += b.n; a.sum += b.sum }

func (a deviation) mean() float64 {
	if a.n == 0 {
		return 0
	}
	return a.sum / float64(a.n)
}

// over returns ln LR of b, as the alignment, to a: for Laplace errors whose scale
// is their mean |d|, n·ln(a/b); 0 if b is not much the nearer.
func (b deviation) over(a deviation) float64 {
	x, y := a.mean()+rounding, b.mean()+rounding
	if a.n == 0 || b.n == 0 || y > float64(muchNearer*x) {
		return 0
	}
	return float64(float64(b.n) * kernel.Log(x/y))
}

// shifted returns |d| of row i with trainer token t beside rollout token t+s.
func (p *pairs) shifted(i, s int) deviation {
	var a deviation
	start, end := p.Layout.Row(i)
	for t := max(start, start-s); t < min(end, end-s); t++ {
		if p.usable[t] && p.usable[t+s] {
			a.n++
			a.sum += math.Abs(float64(p.Trainer[t]) - float64(p.Rollout[t+s]))
		}
	}
	return a
}

// alignments are the deviations of a row, or of many, by shift.
type alignments [2*maxShift + 1]deviation

// best returns the shift, not 0, that fits best and its ln LR to none.
func (a *alignments) best() (shift int, odds float64) {
	for k := range a {
		if x := a[k].over(a[maxShift]); k != maxShift && x > odds {
			shift, odds = k-maxShift, x
		}
	}
	return shift, odds
}

// probeShift moves the rollout column along the trainer's by −2…2 tokens, row by
// row and, for rows too short to tell, all of those together.
func probeShift(p *pairs) []Finding {
	threshold := p.logOdds(2 * maxShift * p.count)
	var byShift [2*maxShift + 1][]int
	var total [2*maxShift + 1]alignments // by the shift that the rows turn out to have
	var rest []int
	var undecided alignments
	for i := range p.count {
		var a alignments
		for k := range a {
			a[k] = p.shifted(i, k-maxShift)
		}
		s, odds := a.best()
		k := maxShift
		if odds > threshold && a[s+maxShift].n >= fewestTokens {
			k += s
			byShift[k] = append(byShift[k], i)
		} else if a[maxShift].n > 0 {
			rest = append(rest, i)
			for j := range a {
				undecided[j].add(a[j])
			}
			continue
		}
		for j := range a {
			total[k][j].add(a[j])
		}
	}
	if s, odds := undecided.best(); odds > threshold {
		k := s + maxShift
		byShift[k] = merge(byShift[k], rest)
		for j := range undecided {
			total[k][j].add(undecided[j])
		}
	}

	var found []Finding
	for k, rows := range byShift {
		if len(rows) == 0 {
			continue
		}
		p.explain(rows)
		s, a := k-maxShift, &total[k]
		found = append(found, Finding{
			Kind: Shift, Rows: rows, Test: LikelihoodRatio, Strength: a[k].over(a[maxShift]), Threshold: threshold,
			Evidence: []Quantity{
				{"mean |d| as given", a[maxShift].mean(), "nats"},
				{fmt.Sprintf("mean |d| with the rollout column moved by %+d", -s), a[k].mean(), "nats"},
			},
			Fix: fmt.Sprintf("Move the rollout column by %+d: trainer token t is rollout token t%+d. Logits at position t predict token t+1.", -s, s),
		})
	}
	return found
}

// merge returns the union of two ascending lists without common elements.
func merge(a, b []int) []int {
	out := make([]int, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0] < b[0] {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// Package figures draws the plots of the HTML report as inline SVG.
//
// A Collector takes tokens row by row and keeps histograms only, so its memory
// depends on the number of precisions and on nothing else. Writing d = trainer −
// rollout for the difference of a token's log-probabilities and w = e^d for its
// importance weight, the figures are
//
//   - the distribution of d,
//   - trainer against rollout probability,
//   - |d| and k3 = w − 1 − d by position in the response,
//   - the distribution of w before and after truncation at 2,
//   - the effective sample size by the cap put on w.
//
// Output is the same for the same sequence of rows. Values go through package
// math, whose last bits differ between machines; nothing but pictures is made
// from them.
package figures

import (
	"cmp"
	"html/template"
	"math"
	"slices"
)

// Figure is a plot with the words that go with it.
type Figure struct {
	ID      string // unique in the report, fit for an HTML id
	Title   string
	Caption string        // how to read it
	SVG     template.HTML // an svg element, 1080 units wide, that scales to its container
}

// Collector gathers what the figures show. The zero value is empty and ready.
type Collector struct {
	series map[string]*series
}

// series is what one precision has contributed.
type series struct {
	name string
	style
	tokens    int64
	deltas    deltas
	joint     joint
	positions positions
	weights   weights
	caps      caps
}

// maxDelta bounds d in the figures: what lies beyond counts as that much, so
// that e^d and its sums stay finite.
const maxDelta = 64 - 0x1p-20

// Add adds the tokens of one row where mask is not 0 and both log-probabilities
// are finite; a nil mask selects all. It panics if the lengths differ.
func (c *Collector) Add(precision string, trainer, rollout []float32, mask []uint8) {
	if len(trainer) != len(rollout) || mask != nil && len(mask) != len(rollout) {
		panic("figures: trainer, rollout and mask differ in length")
	}
	s := c.series[precision]
	if s == nil {
		if c.series == nil {
			c.series = make(map[string]*series)
		}
		s = &series{name: precision}
		c.series[precision] = s
	}
	for i := range trainer {
		if mask != nil && mask[i] == 0 {
			continue
		}
		t, r := float64(trainer[i]), float64(rollout[i])
		d := t - r
		if d-d != 0 { // not finite
			continue
		}
		d = max(-maxDelta, min(d, maxDelta))
		s.tokens++
		s.deltas.add(d)
		s.joint.add(math.Exp(r), math.Exp(t))
		s.positions.add(i, d)
		s.weights.add(d)
		s.caps.add(math.Exp(d))
	}
}

// Figures draws the precisions that have tokens, those named in order first and
// the others by name. It returns nothing if no token was added.
func (c *Collector) Figures(order []string) ([]Figure, error) {
	list := c.inOrder(order)
	if len(list) == 0 {
		return nil, nil
	}
	var figures []Figure
	for _, draw := range []func([]*series) (Figure, error){
		drawDeltas, drawJoint, drawPositions, drawWeights, drawCaps,
	} {
		f, err := draw(list)
		if err != nil {
			return nil, err
		}
		figures = append(figures, f)
	}
	return figures, nil
}

// inOrder returns the series to draw, each with its style.
func (c *Collector) inOrder(order []string) []*series {
	var list []*series
	for _, s := range c.series {
		if s.tokens > 0 {
			list = append(list, s)
		}
	}
	rank := func(s *series) int {
		if i := slices.Index(order, s.name); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortFunc(list, func(a, b *series) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.name, b.name))
	})
	for i, s := range list {
		s.style = styleOf(i)
	}
	return list
}

package diagnose

import (
	"math"
	"slices"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// Upper ends, in nats, of the classes of rollout log-probability within which |d|
// is comparable.
var classes = [...]float64{-4, -2, -1, -0.5, -0.1, -0.01, math.Inf(1)}

const (
	// The quantile of |d| inside of runs that a token at the edge is held to, and
	// the share of edge tokens that may exceed it: contexts at the start of an
	// answer are less certain than others, within a class too.
	edgeQuantile = 0.9
	edgeShare    = 0.25
)

// probeRowEdge asks whether the first, or the last, token of the runs of the mask
// is the same token on both sides: off-by-one errors of masks and row offsets
// show there and nowhere else. Each edge token's |d| is compared with the 90 %
// quantile of its class inside of runs; of n tokens, x > 25 % above have
//
//	ln LR = n·(x·ln(x/0.25) + (1−x)·ln((1−x)/0.75))
func probeRowEdge(p *pairs) []Finding {
	type edge struct{ row, at int }
	var edges [2][]edge
	var inside [len(classes)][]float64
	for i := range p.count {
		start, end := p.Layout.Row(i)
		for t := start; t < end; t++ {
			if !p.usable[t] {
				continue
			}
			first := t == start || !p.trained(t-1)
			last := t+1 == end || !p.trained(t+1)
			switch {
			case first && last: // a run of one token has no inside
			case first:
				edges[0] = append(edges[0], edge{i, t})
			case last:
				edges[1] = append(edges[1], edge{i, t})
			default:
				c := class(p.Rollout[t])
				inside[c] = append(inside[c], math.Abs(p.d(t)))
			}
		}
	}
	var limits [len(classes)]float64
	for c := range inside {
		limits[c] = math.Inf(1)
		if n := len(inside[c]); n >= 20 {
			slices.Sort(inside[c])
			limits[c] = inside[c][int(edgeQuantile*float64(n))]
		}
	}

	threshold := p.logOdds(2)
	var found []Finding
	for k, name := range []string{"first", "last"} {
		n, above := 0.0, 0.0
		var rows []int
		for _, e := range edges[k] {
			limit := limits[class(p.Rollout[e.at])]
			if math.IsInf(limit, 1) {
				continue
			}
			n++
			if math.Abs(p.d(e.at)) > limit {
				above++
				if len(rows) == 0 || rows[len(rows)-1] != e.row {
					rows = append(rows, e.row)
				}
			}
		}
		if n < fewestClusters || above <= float64(edgeShare*n) {
			continue
		}
		x := above / n
		odds := float64(x * kernel.Log(x/edgeShare))
		if x < 1 {
			odds += float64((1 - x) * kernel.Log((1-x)/(1-edgeShare)))
		}
		if odds = float64(odds * n); odds <= threshold {
			continue
		}
		for _, e := range edges[k] {
			p.usable[e.at] = false
		}
		found = append(found, Finding{
			Kind: RowEdge, Rows: rows, Test: LikelihoodRatio, Strength: odds, Threshold: threshold,
			Evidence: []Quantity{
				{"share of " + name + " tokens with a |d| that 10 % of other tokens exceed", x, ""},
				{"runs", n, ""},
			},
			Fix: "The " + name + " token of a run is not the same on both sides: check the mask and the row offsets for an error by one.",
		})
	}
	return found
}

// trained reports whether the mask selects element t.
func (p *pairs) trained(t int) bool { return p.Mask == nil || p.Mask[t] != 0 }

func class(logp float32) int {
	c := 0
	for float64(logp) > classes[c] {
		c++
	}
	return c
}

package figures

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// weights counts tokens by their weight w = e^d in quarters of an octave, from
// 2^-weightOctaves to 2^weightOctaves; the outermost bins take what lies beyond.
type weights [2 * 4 * weightOctaves]int64

const (
	weightOctaves = 12
	truncateBin   = 4*weightOctaves + 4 // starts at w = 2
)

func (h *weights) add(d float64) {
	i := int(math.Floor(4*d/math.Ln2)) + len(h)/2
	h[max(0, min(i, len(h)-1))]++
}

// truncated returns the histogram of min(w, 2): a weight cut to 2 goes to the
// bin that starts there.
func (h *weights) truncated() weights {
	t := *h
	for i := truncateBin + 1; i < len(t); i++ {
		t[truncateBin] += t[i]
		t[i] = 0
	}
	return t
}

// above returns how many weights are 2 or more.
func (h *weights) above() int64 {
	t := h.truncated()
	return t[truncateBin]
}

func drawWeights(list []*series) (Figure, error) {
	first, last := truncateBin-16, truncateBin+8 // at least ⅛ to 8
	low := -2.0
	for _, s := range list {
		for i, n := range s.weights {
			if n > 0 {
				first, last = min(first, i), max(last, i)
				low = min(low, math.Log10(float64(n)/float64(s.tokens)))
			}
		}
	}
	octave := func(i int) float64 { return float64(i-len(weights{})/2) / 4 }
	panels := make([]*plot.Plot, len(list))
	for i, s := range list {
		cut := float64(s.weights.above()) / float64(s.tokens)
		p := newPlot(label(s.name)+": "+percent(cut)+" cut", "weight w (log scale)", "share of tokens")
		p.X.Min, p.X.Max, p.X.Tick.Marker = octave(first), octave(last+1), powers{5}
		decades(&p.Y, low, 0)
		after := s.weights.truncated()
		p.Add(bars{bins: &after, tokens: s.tokens, octave: octave, fill: s.color})
		for _, line := range density(s.weights[:], 1, s.tokens) {
			for k := range line {
				line[k].X = octave(0) + (line[k].X+float64(len(weights{})/2)+0.5)/4
			}
			if err := addLine(p, line, before); err != nil {
				return Figure{}, err
			}
		}
		panels[i] = p
	}
	return Figure{
		ID:    "weights",
		Title: "Importance weights before and after truncation at 2",
		Caption: "The share of tokens by importance weight w = exp(Δ log p), in quarters of an octave. The dark line is the weights as they are. " +
			"The filled bars are the weights after each above 2 was cut to 2: what lay to the right is now in the bar at 2. " +
			"The title gives the share of tokens cut. Weights far to the left say that the trainer finds a sampled token much less likely; truncation leaves these alone. The outermost bars take what lies beyond.",
		SVG: render("Importance weights before and after truncation", []keyEntry{
			{"weights before truncation", func(c draw.Canvas) {
				c.StrokeLine2(before.line(), c.Min.X, c.Center().Y, c.Max.X, c.Center().Y)
			}},
			{"after truncation at 2 (in the colour of the precision)", func(c draw.Canvas) { c.FillPolygon(soften(color.NRGBA{A: 0xff}), corners(c.Rectangle)) }},
		}, tile(panels), 230),
	}, nil
}

func percent(share float64) string {
	switch x := 100 * share; {
	case x >= 10:
		return fmt.Sprintf("%.0f %%", x)
	case x >= 0.01 || x == 0:
		return fmt.Sprintf("%.2g %%", x)
	}
	return "< 0.01 %"
}

// bars draws a histogram of weights as one filled shape on a log axis.
type bars struct {
	bins   *weights
	tokens int64
	octave func(int) float64
	fill   color.NRGBA
}

func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var path vg.Path
	for i, n := range b.bins {
		if n > 0 {
			addRect(&path, vg.Rectangle{
				Min: vg.Point{X: x(b.octave(i)), Y: y(p.Y.Min)},
				Max: vg.Point{X: x(b.octave(i + 1)), Y: y(math.Log10(float64(n) / float64(b.tokens)))},
			})
		}
	}
	c.SetColor(soften(b.fill))
	c.Fill(path)
}

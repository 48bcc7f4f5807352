package figures

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// joint is a histogram over the unit square of the probability of a token under
// the rollout policy (first index) and under the trainer.
type joint [jointSide][jointSide]int64

const jointSide = 32

func (h *joint) add(rollout, trainer float64) {
	cell := func(p float64) int { return min(int(p*jointSide), jointSide-1) }
	h[cell(min(rollout, 1))][cell(min(trainer, 1))]++
}

// shades colour a cell by the share of the tokens in it, from light to dark: the
// first below 10^-4, each next for half a decade more. (ColorBrewer's YlGnBu,
// without its two lightest.)
var shades = []color.NRGBA{
	{0xc7, 0xe9, 0xb4, 0xff}, {0x7f, 0xcd, 0xbb, 0xff}, {0x41, 0xb6, 0xc4, 0xff}, {0x1d, 0x91, 0xc0, 0xff},
	{0x22, 0x5e, 0xa8, 0xff}, {0x25, 0x34, 0x94, 0xff}, {0x08, 0x1d, 0x58, 0xff},
}

var shadeLabels = []string{"< 0.01 %", "0.03 %", "0.1 %", "0.3 %", "1 %", "3 %", "more"}

func shadeOf(n, tokens int64) int {
	level := int(math.Floor(2*math.Log10(float64(n)/float64(tokens)))) + 9
	return max(0, min(level, len(shades)-1))
}

func drawJoint(list []*series) (Figure, error) {
	panels := make([]*plot.Plot, len(list))
	for i, s := range list {
		p := newPlot(label(s.name), "p under rollout", "p under trainer")
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 1, 0, 1
		diagonal, err := plotter.NewLine(plotter.XYs{{}, {X: 1, Y: 1}})
		if err != nil {
			return Figure{}, err
		}
		diagonal.LineStyle = draw.LineStyle{Color: palette[1], Width: 0.9}
		p.Add(&cells{&s.joint, s.tokens}, diagonal)
		panels[i] = p
	}
	var key []keyEntry
	for i, l := range shadeLabels {
		key = append(key, keyEntry{l, func(c draw.Canvas) { c.FillPolygon(shades[i], corners(c.Rectangle)) }})
	}
	key = append([]keyEntry{{"share of the tokens in a cell, up to:", nil}}, key...)
	return Figure{
		ID:    "density",
		Title: "Probability of the sampled token, trainer against rollout",
		Caption: "Each cell counts the tokens with this probability under the rollout policy (across) and under the trainer (up). " +
			"On the diagonal both agree. A cloud that is wide around the diagonal means noise; one that hangs below it means that " +
			"the engine samples tokens which the trainer finds unlikely. Most tokens sit in the upper right corner, where the model is sure.",
		SVG: render("Trainer probability against rollout probability", key, tile(panels), pageWidth/vg.Length(tileColumns(len(panels)))),
	}, nil
}

// cells draws a joint histogram, one path per shade; neighbours of one shade in
// a column become one rectangle.
type cells struct {
	*joint
	tokens int64
}

func (h *cells) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	paths := make([]vg.Path, len(shades))
	for i, column := range h.joint {
		for j := 0; j < jointSide; {
			if column[j] == 0 {
				j++
				continue
			}
			shade, start := shadeOf(column[j], h.tokens), j
			for j < jointSide && column[j] > 0 && shadeOf(column[j], h.tokens) == shade {
				j++
			}
			addRect(&paths[shade], vg.Rectangle{
				Min: vg.Point{X: x(float64(i) / jointSide), Y: y(float64(start) / jointSide)},
				Max: vg.Point{X: x(float64(i+1) / jointSide), Y: y(float64(j) / jointSide)},
			})
		}
	}
	for shade, path := range paths {
		if len(path) > 0 {
			c.SetColor(shades[shade])
			c.Fill(path)
		}
	}
}

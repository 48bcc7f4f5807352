package figures

import (
	"image/color"
	"strings"
	"unicode"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// style tells a precision from the others, by colour on a screen and by dashes
// on paper.
type style struct {
	color  color.NRGBA
	dashes []vg.Length
}

// The colours of Okabe and Ito, which colour-blind readers can tell apart,
// without the yellow that white paper swallows.
var palette = []color.NRGBA{
	{0x00, 0x72, 0xb2, 0xff}, {0xd5, 0x5e, 0x00, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xcc, 0x79, 0xa7, 0xff},
	{0xe6, 0x9f, 0x00, 0xff}, {0x56, 0xb4, 0xe9, 0xff}, {0x00, 0x00, 0x00, 0xff},
}

var dashPatterns = [][]vg.Length{
	nil, {7, 2.5}, {2, 2}, {9, 2.5, 2, 2.5}, {4.5, 2}, {9, 2, 2, 2, 2, 2},
}

// styleOf returns the i-th style; the first 42 differ.
func styleOf(i int) style {
	return style{palette[i%len(palette)], dashPatterns[i%len(dashPatterns)]}
}

// before is the style of weights that nothing was done to.
var before = style{color: color.NRGBA{0x33, 0x33, 0x33, 0xff}}

func (s style) line() draw.LineStyle {
	return draw.LineStyle{Color: s.color, Width: 1.4, Dashes: s.dashes}
}

// soften returns the colour of an area in the colour of a line.
func soften(c color.NRGBA) color.NRGBA {
	mix := func(v uint8) uint8 { return uint8((int(v) + 255) / 2) }
	return color.NRGBA{mix(c.R), mix(c.G), mix(c.B), 0xff}
}

var (
	ink      = color.NRGBA{0x22, 0x22, 0x22, 0xff}
	thinLine = draw.LineStyle{Color: ink, Width: 0.6}
	gridLine = draw.LineStyle{Color: color.NRGBA{0xe4, 0xe4, 0xe4, 0xff}, Width: 0.6}
)

func sans(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

// newPlot returns an empty plot with a grid, in the style of the report.
func newPlot(title, x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.Title.Text = title
	p.Title.TextStyle.Font = sans(13)
	p.Title.TextStyle.Color = ink
	p.Title.Padding = 6
	p.X.Label.Text, p.Y.Label.Text = x, y
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Label.TextStyle.Font = sans(12)
		a.Label.TextStyle.Color = ink
		a.Label.Padding = 4
		a.Tick.Label.Font = sans(11)
		a.Tick.Label.Color = ink
		a.Tick.Length = 4
		a.Tick.LineStyle = thinLine
		a.LineStyle = thinLine
		a.Padding = 0
		a.Tick.Marker = linear{}
	}
	grid := plotter.NewGrid()
	grid.Horizontal, grid.Vertical = gridLine, gridLine
	p.Add(grid)
	return p
}

func addLine(p *plot.Plot, points plotter.XYs, s style) error {
	l, err := plotter.NewLine(points)
	if err != nil {
		return err
	}
	l.LineStyle = s.line()
	p.Add(l)
	return nil
}

// addMarked adds a line with a mark on every point.
func addMarked(p *plot.Plot, points plotter.XYs, s style) error {
	if err := addLine(p, points, s); err != nil {
		return err
	}
	marks, err := plotter.NewScatter(points)
	if err != nil {
		return err
	}
	marks.GlyphStyle = draw.GlyphStyle{Color: s.color, Radius: 1.8, Shape: draw.CircleGlyph{}}
	p.Add(marks)
	return nil
}

// maxLabel is the length of a precision's name in a figure.
const maxLabel = 32

// label makes a name from the data fit to print.
func label(name string) string {
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '·'
		}
		return r
	}, name)
	if runes := []rune(name); len(runes) > maxLabel {
		name = string(runes[:maxLabel-1]) + "…"
	}
	return name
}

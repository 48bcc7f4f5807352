package figures

import (
	"fmt"
	"html"
	"html/template"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

const (
	pageWidth vg.Length = 1080
	keyHeight vg.Length = 18 // of a line of the key
	keyIcon   vg.Length = 30
	keyGap    vg.Length = 20
)

// keyEntry is one entry of the key above the plots; draw, if not nil, fills the
// canvas with a sample.
type keyEntry struct {
	label string
	draw  func(draw.Canvas)
}

func seriesKey(list []*series) []keyEntry {
	var key []keyEntry
	for _, s := range list {
		key = append(key, keyEntry{label(s.name), func(c draw.Canvas) {
			c.StrokeLine2(s.line(), c.Min.X, c.Center().Y, c.Max.X, c.Center().Y)
		}})
	}
	return key
}

// tileColumns returns how many small plots stand side by side.
func tileColumns(n int) int { return max(3, min(n, 4)) }

// tile arranges small plots in rows; only the first of a row labels its y axis.
func tile(plots []*plot.Plot) [][]*plot.Plot {
	columns := tileColumns(len(plots))
	var rows [][]*plot.Plot
	for len(plots) > 0 {
		row := make([]*plot.Plot, columns)
		n := copy(row, plots)
		for _, p := range row[1:n] {
			p.Y.Label.Text = ""
		}
		rows = append(rows, row)
		plots = plots[n:]
	}
	return rows
}

// render draws rows of plots of the given height under a key.
func render(title string, key []keyEntry, rows [][]*plot.Plot, height vg.Length) template.HTML {
	style := text.Style{Font: sans(12), Color: ink, YAlign: draw.YCenter, Handler: plot.DefaultTextHandler}
	lines := wrapKey(key, style)
	top := keyHeight*vg.Length(len(lines)) + 6
	svg := vgsvg.New(pageWidth, top+height*vg.Length(len(rows)))
	c := draw.New(svg)

	y := c.Max.Y - keyHeight/2
	for _, line := range lines {
		x := c.Min.X + 4
		for _, e := range line {
			if e.draw != nil {
				e.draw(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
					Min: vg.Point{X: x, Y: y - 5}, Max: vg.Point{X: x + keyIcon, Y: y + 5},
				}})
				x += keyIcon + 6
			}
			c.FillText(style, vg.Point{X: x, Y: y}, e.label)
			x += style.Width(e.label) + keyGap
		}
		y -= keyHeight
	}

	tiles := draw.Tiles{Rows: len(rows), Cols: len(rows[0]), PadX: 22, PadY: 14, PadTop: 4, PadRight: 8}
	for i, row := range plot.Align(rows, tiles, draw.Crop(c, 0, 0, 0, -top)) {
		for j, canvas := range row {
			if p := rows[i][j]; p != nil {
				p.Draw(canvas)
			}
		}
	}
	return inline(svg, title)
}

// wrapKey breaks the key into lines that fit the page.
func wrapKey(key []keyEntry, style text.Style) [][]keyEntry {
	var lines [][]keyEntry
	var x vg.Length
	for _, e := range key {
		w := keyIcon + 6 + style.Width(e.label) + keyGap
		if len(lines) == 0 || x+w > pageWidth {
			lines = append(lines, nil)
			x = 0
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], e)
		x += w
	}
	return lines
}

// inline returns the drawing as an element for an HTML page: it takes the width
// of its container, and its text a font that every reader has.
func inline(svg *vgsvg.Canvas, title string) template.HTML {
	var b strings.Builder
	svg.WriteTo(&b) // a Builder does not fail
	_, body, _ := strings.Cut(b.String(), "<svg")
	_, body, _ = strings.Cut(body, ">")
	body = strings.ReplaceAll(body, libraryFont, "")
	w, h := svg.Size()
	return template.HTML(fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.5g %.5g" width="100%%"`+
		` role="img" aria-label="%s" font-family="Arial, Helvetica, 'Liberation Sans', sans-serif">%s`,
		w.Points(), h.Points(), html.EscapeString(title), body))
}

// libraryFont is how the library names the font, once for every piece of text.
const libraryFont = "font-family:Liberation Sans;font-variant:normal;font-weight:normal;font-style:normal;"

// addRect adds a rectangle to a path.
func addRect(p *vg.Path, r vg.Rectangle) {
	for i, pt := range corners(r) {
		if i == 0 {
			p.Move(pt)
		} else {
			p.Line(pt)
		}
	}
	p.Close()
}

func corners(r vg.Rectangle) []vg.Point {
	return []vg.Point{r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}}
}

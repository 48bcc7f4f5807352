package figures

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
)

// positions sums |d| and k3 over tokens by their place in the response, from 1,
// in quarters of an octave.
type positions [4 * 31]struct {
	n                  int64
	log2, absDelta, k3 float64
}

func (h *positions) add(i int, d float64) {
	log2 := math.Log2(float64(i + 1))
	b := &h[min(int(4*log2), len(h)-1)]
	b.n++
	b.log2 += log2
	b.absDelta += math.Abs(d)
	b.k3 += math.Expm1(d) - d
}

// minPerPoint is how many tokens a point of the plot stands for at least, where
// there are so many.
const minPerPoint = 32

// means returns the mean of |d| and of k3 against log2 of the position, with
// neighbouring bins merged until they hold minPerPoint tokens.
func (h *positions) means() (absDelta, k3 plotter.XYs) {
	var n, log2, a, k float64
	total := 0.0
	for i := range h {
		total += float64(h[i].n)
	}
	for i := range h {
		b := &h[i]
		n, log2, a, k = n+float64(b.n), log2+b.log2, a+b.absDelta, k+b.k3
		total -= float64(b.n)
		// The last point takes what would be too few for one of their own.
		if n > 0 && (n >= minPerPoint && total >= minPerPoint || total == 0) {
			absDelta = append(absDelta, plotter.XY{X: log2 / n, Y: a / n})
			k3 = append(k3, plotter.XY{X: log2 / n, Y: k / n})
			n, log2, a, k = 0, 0, 0, 0
			if total == 0 {
				break
			}
		}
	}
	return absDelta, k3
}

func drawPositions(list []*series) (Figure, error) {
	const x = "position in the response (tokens, log scale)"
	panels := []*plot.Plot{
		newPlot("", x, "mean |Δ log p| (nats, log scale)"),
		newPlot("", x, "mean k3 = w − 1 − Δ log p (nats, log scale)"),
	}
	lines := make([][2]plotter.XYs, len(list))
	last := 1.0
	low, high := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	for i, s := range list {
		lines[i][0], lines[i][1] = s.positions.means()
		for j, line := range lines[i] {
			for k := range line {
				last = max(last, line[k].X)
				if line[k].Y > 0 {
					line[k].Y = math.Log10(line[k].Y)
					low[j], high[j] = min(low[j], line[k].Y), max(high[j], line[k].Y)
				} else {
					line[k].Y = math.Inf(-1)
				}
			}
		}
	}
	for j, p := range panels {
		p.X.Min, p.X.Max, p.X.Tick.Marker = 0, last, powers{12}
		decades(&p.Y, low[j], high[j])
		for i, s := range list {
			for k := range lines[i][j] { // zero lies on the lower edge
				lines[i][j][k].Y = max(lines[i][j][k].Y, p.Y.Min)
			}
			if err := addMarked(p, lines[i][j], s.style); err != nil {
				return Figure{}, err
			}
		}
	}
	return Figure{
		ID:    "position",
		Title: "Mismatch by position in the response",
		Caption: "The mean of |Δ log p| (left) and of k3, an estimate of the KL divergence (right), over the tokens around a position. " +
			"A flat line means that the mismatch does not build up along the response. One that rises points at an error that " +
			"accumulates, for example in the KV cache. A point stands for 32 tokens or more; the last ones are few and noisy.",
		SVG: render("Mean absolute difference and k3 by position", seriesKey(list), [][]*plot.Plot{panels}, 330),
	}, nil
}

package figures

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
)

// caps sums the weights so that both sums of min(w, C) and of its square can be
// had for every cap C on a grid: bin i is of weights above cap i-1 up to cap i,
// the last of those above every cap.
type caps [numCaps + 1]struct {
	n       int64
	w, wSqr float64
}

const (
	capsPerOctave = 4
	numCaps       = 10*capsPerOctave + 1 // 1 to 1024
)

func capAt(i int) float64 { return math.Exp2(float64(i) / capsPerOctave) }

func (h *caps) add(w float64) {
	i := 0
	if w > 1 {
		i = min(int(math.Ceil(capsPerOctave*math.Log2(w))), numCaps)
	}
	h[i].n++
	h[i].w += w
	h[i].wSqr += w * w
}

// curves returns, against log2 of the cap, the effective sample size as a share
// of the tokens, and the share of the sum of weights that the cap removes.
func (h *caps) curves() (ess, lost plotter.XYs) {
	var total, n float64
	for i := range h {
		total += h[i].w
		n += float64(h[i].n)
	}
	var w, wSqr, below float64
	for i := range numCaps {
		w += h[i].w
		wSqr += h[i].wSqr
		below += float64(h[i].n)
		c := capAt(i)
		sum, sqr := w+c*(n-below), wSqr+c*c*(n-below)
		x := float64(i) / capsPerOctave
		if sqr > 0 { // not if every weight is below the smallest number
			ess = append(ess, plotter.XY{X: x, Y: sum * sum / (n * sqr)})
			lost = append(lost, plotter.XY{X: x, Y: max(0, 1-sum/total)})
		}
	}
	return ess, lost
}

func drawCaps(list []*series) (Figure, error) {
	const x = "cap C on the weights (log scale)"
	panels := []*plot.Plot{
		newPlot("", x, "ESS / tokens"),
		newPlot("", x, "share of the weight removed"),
	}
	for j, p := range panels {
		top := 1.0
		if j == 1 {
			top = 0.01
		}
		for _, s := range list {
			ess, lost := s.caps.curves()
			line := ess
			if j == 1 {
				line = lost
				top = max(top, line[0].Y)
			}
			if err := addLine(p, line, s.style); err != nil {
				return Figure{}, err
			}
		}
		p.X.Min, p.X.Max, p.X.Tick.Marker = 0, float64(numCaps-1)/capsPerOctave, powers{12}
		p.Y.Min, p.Y.Max = 0, top
	}
	return Figure{
		ID:    "ess",
		Title: "What a cap on the weights buys and costs",
		Caption: "Left: the effective sample size (Σw)²/(n Σw²) of token weights w = min(exp(Δ log p), C), as a share of the tokens; " +
			"1 means that all tokens count alike. Right: the share of the total weight that the cap takes away, which is bias. " +
			"A good cap stands where the left curve is still high and the right one already low. " +
			"The left curve at a large cap rests on a few large weights and is too high where the mismatch is severe.",
		SVG: render("Effective sample size and removed weight by cap", seriesKey(list), [][]*plot.Plot{panels}, 330),
	}, nil
}

package figures

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
)

// deltas counts differences d by sign, power of two and its 128th parts. A bin
// is narrow where d is small, so that the plot can choose its scale when all
// tokens are known: on a grid of bins 2^k wide, one of them centred on 0, the
// counts are exact out to 127 bins, and further out off by a bin or so.
type deltas struct {
	small int64 // |d| < 2^minExp
	bins  [2][(maxExp - minExp) << subBits]int64
}

const (
	minExp, maxExp = -14, 6 // 2^maxExp > maxDelta
	subBits        = 7
)

func (h *deltas) add(d float64) {
	i := int(math.Float64bits(math.Abs(d))>>(52-subBits)) - (1023+minExp)<<subBits
	if i < 0 {
		h.small++
		return
	}
	sign := 0
	if d < 0 {
		sign = 1
	}
	h.bins[sign][i]++
}

// lowEdge returns the magnitude at which bin i starts.
func lowEdge(i int) float64 {
	mantissa := 1 + float64(i&(1<<subBits-1))/(1<<subBits)
	return math.Ldexp(mantissa, minExp+i>>subBits)
}

// reach returns the magnitude which on the side of sign at most tailShare of
// the tokens exceed.
func (h *deltas) reach(sign int, tokens int64) float64 {
	var n int64
	for i := len(h.bins[sign]) - 1; i >= 0; i-- {
		if n += h.bins[sign][i]; float64(n) > tailShare*float64(tokens) {
			return lowEdge(i + 1)
		}
	}
	return lowEdge(0)
}

// grid returns the counts of 2·half+1 bins of the given width, a power of two.
func (h *deltas) grid(width float64, half int) []int64 {
	counts := make([]int64, 2*half+1)
	counts[half] = h.small
	for sign, bins := range h.bins {
		for i, n := range bins {
			j := int(math.Floor(lowEdge(i)/width + 0.5))
			if j > half {
				break
			}
			if sign == 1 {
				j = -j
			}
			counts[half+j] += n
		}
	}
	return counts
}

const (
	tailShare = 0.001 // of the tokens, on each side, may lie outside the axis
	sideBins  = 32    // at most, between zero and where the tail starts
)

// deltaPanel is one plot of the figure, of d from -left to right.
type deltaPanel struct {
	*plot.Plot
	left, right float64
	low, high   float64 // log10 density
}

func newDeltaPanel(x, y string, left, right float64) *deltaPanel {
	p := newPlot("", x, y)
	p.X.Min, p.X.Max = -left, right
	return &deltaPanel{p, left, right, math.Inf(1), math.Inf(-1)}
}

// add draws a series whose tails start at reach.
func (p *deltaPanel) add(s *series, reach float64) error {
	limit := max(p.left, p.right)
	width := math.Exp2(math.Ceil(math.Log2(max(min(reach, limit)/sideBins, limit/2048))))
	for _, line := range density(s.deltas.grid(width, int(limit/width)+1), width, s.tokens) {
		for _, xy := range line {
			if -p.left <= xy.X && xy.X <= p.right {
				p.low, p.high = min(p.low, xy.Y), max(p.high, xy.Y)
			}
		}
		if err := addLine(p.Plot, line, s.style); err != nil {
			return err
		}
	}
	decades(&p.Y, p.low, p.high)
	return nil
}

func drawDeltas(list []*series) (Figure, error) {
	narrow, left, right := math.Inf(1), 0.0, 0.0
	reach := make([]float64, len(list))
	for i, s := range list {
		l, r := s.deltas.reach(1, s.tokens), s.deltas.reach(0, s.tokens)
		reach[i] = max(l, r)
		narrow, left, right = min(narrow, reach[i]), max(left, l), max(right, r)
	}
	const y = "density (per nat, log scale)"
	panels := []*deltaPanel{newDeltaPanel("Δ log p = trainer − rollout (nats)", y, left, right)}
	if zoom := max(2*narrow, max(left, right)/32); left+right > 8*zoom {
		panels = append(panels, newDeltaPanel("the same around zero (nats)", y, zoom, zoom))
	}
	row := make([]*plot.Plot, len(panels))
	for i, p := range panels {
		for j, s := range list {
			if err := p.add(s, reach[j]); err != nil {
				return Figure{}, err
			}
		}
		row[i] = p.Plot
	}
	return Figure{
		ID:    "delta",
		Title: "Log-probability difference, trainer minus rollout",
		Caption: "How far the trainer's log-probability of a sampled token lies from the rollout's. " +
			"A perfect rollout engine would give one spike at zero; the wider the curve, the larger the mismatch. " +
			"The centre of a curve sits left of zero by about the KL divergence. " +
			"The scale upwards is logarithmic, so that the tails can be seen; at most 0.1 % of a curve lies beyond either end.",
		SVG: render("Log-probability difference by precision", seriesKey(list), [][]*plot.Plot{row}, 330),
	}, nil
}

// density turns counts into outlines of log10 density, one for each run of bins
// that are not empty.
func density(counts []int64, width float64, tokens int64) []plotter.XYs {
	var lines []plotter.XYs
	half := len(counts) / 2
	for i, n := range counts {
		if n == 0 {
			continue
		}
		if i == 0 || counts[i-1] == 0 {
			lines = append(lines, nil)
		}
		y := math.Log10(float64(n) / (width * float64(tokens)))
		line := &lines[len(lines)-1]
		*line = append(*line,
			plotter.XY{X: (float64(i-half) - 0.5) * width, Y: y},
			plotter.XY{X: (float64(i-half) + 0.5) * width, Y: y})
	}
	return lines
}

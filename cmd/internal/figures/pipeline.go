package figures

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// SplitTime is how long a step takes with a number of GPUs for inference.
type SplitTime struct {
	Inference                     int
	Rollout, Train, Latency, Step float64 // seconds
}

// StepTimes draws the time of a step against the split of the fleet, whose splits
// are in the order of their inference GPUs; best is the index of the chosen one.
// Ideal is the shortest step that GPUs cut to any size allow.
func StepTimes(splits []SplitTime, best int, ideal float64) (Figure, error) {
	const most = 400 // points of a line
	every := max(1, len(splits)/most)
	var rollout, train, latency, step plotter.XYs
	for i, s := range splits {
		if i%every != 0 && i != best {
			continue
		}
		x := float64(s.Inference)
		rollout = append(rollout, plotter.XY{X: x, Y: s.Rollout})
		train = append(train, plotter.XY{X: x, Y: s.Train})
		step = append(step, plotter.XY{X: x, Y: s.Step})
		if s.Latency > 0 {
			latency = append(latency, plotter.XY{X: x, Y: s.Latency})
		}
	}
	b := splits[best]
	p := newPlot("", "GPUs for inference", "seconds a step")
	last := float64(splits[len(splits)-1].Inference)
	lines := []struct {
		name   string
		points plotter.XYs
		style
	}{
		{"engines", rollout, styleOf(0)},
		{"trainer", train, styleOf(1)},
		{"latency", latency, styleOf(3)},
		{fmt.Sprintf("ideal, %.3g s", ideal), plotter.XYs{{X: 0, Y: ideal}, {X: last, Y: ideal}}, styleOf(2)},
		{"step", step, before},
	}
	var key []keyEntry
	for _, l := range lines {
		if len(l.points) == 0 {
			continue
		}
		if err := addLine(p, l.points, l.style); err != nil {
			return Figure{}, err
		}
		key = append(key, lineKey(l.name, l.style))
	}
	if err := addMarks(p, plotter.XYs{{X: float64(b.Inference), Y: b.Step}}, before, 4); err != nil {
		return Figure{}, err
	}
	p.X.Min, p.X.Max = 0, last
	p.Y.Min, p.Y.Max = 0, 4*b.Step
	return Figure{
		ID:    "split",
		Title: "Step time by split",
		Caption: "The time of a step is that of the slower stage. The dot is the chosen split; the step grows on both sides of it, " +
			"faster where the stage that is short of GPUs has few. The level line is what the same GPU-seconds would take if no GPU ever " +
			"waited.",
		SVG: render("Step time by inference GPUs", key, [][]*plot.Plot{{p}}, 330),
	}, nil
}

// Ages is how many trajectories or groups had each staleness, in steps from 0.
type Ages struct {
	Name   string
	Counts []int64
}

// AgeMark is a prediction: a share of all is older than so many steps.
type AgeMark struct{ Steps, Share float64 }

// Staleness draws distributions of staleness, and what a formula predicts for the
// first.
func Staleness(ages []Ages, predicted []AgeMark) (Figure, error) {
	share := newPlot("", "staleness (steps)", "share")
	older := newPlot("", "staleness (steps)", "share that is older (log scale)")
	var key []keyEntry
	var low, top, last float64
	for i, a := range ages {
		var total, seen int64
		for _, n := range a.Counts {
			total += n
		}
		var bars, tail plotter.XYs
		for steps, n := range a.Counts {
			x, y := float64(steps), float64(n)/float64(total)
			top = max(top, y)
			bars = append(bars, plotter.XY{X: x - 0.5, Y: y}, plotter.XY{X: x + 0.5, Y: y})
			if seen += n; seen < total {
				rest := math.Log10(float64(total-seen) / float64(total))
				low = min(low, rest)
				tail = append(tail, plotter.XY{X: x, Y: rest})
			}
			if float64(total-seen) > tailShare*float64(total) {
				last = max(last, x+2)
			}
		}
		if err := addLine(share, bars, styleOf(i)); err != nil {
			return Figure{}, err
		}
		key = append(key, lineKey(a.Name, styleOf(i)))
		if len(tail) > 0 {
			if err := addLine(older, tail, styleOf(i)); err != nil {
				return Figure{}, err
			}
		}
	}
	var marks plotter.XYs
	for _, m := range predicted {
		marks = append(marks, plotter.XY{X: m.Steps, Y: math.Log10(m.Share)})
		last = max(last, m.Steps+1)
	}
	if len(marks) > 0 {
		if err := addMarks(older, marks, before, 3.5); err != nil {
			return Figure{}, err
		}
		key = append(key, keyEntry{"formula", func(c draw.Canvas) {
			c.DrawGlyph(draw.GlyphStyle{Color: before.color, Radius: 3.5, Shape: draw.CircleGlyph{}}, c.Center())
		}})
	}
	share.X.Min, share.X.Max = -0.5, last
	share.Y.Min, share.Y.Max = 0, top
	older.X.Min, older.X.Max = 0, last
	decades(&older.Y, max(low, -4), 0)
	return Figure{
		ID:    "staleness",
		Title: "Staleness",
		Caption: "Left: how many optimizer steps old trajectories are when a batch takes them. Right: the share that is older than so many " +
			"steps. The mean hardly depends on how much durations vary; the tail on the right is made of the longest trajectories.",
		SVG: render("Distribution of staleness", key, [][]*plot.Plot{{share, older}}, 330),
	}, nil
}

// Timeline is a stretch of a pipeline's life, in seconds.
type Timeline struct {
	From, To     float64
	Steps        []Span // in which the trainer worked
	Published    []float64
	Trajectories []Trajectory
	Levels       []Level // by time
}

// Span is from one time to another.
type Span struct{ From, To float64 }

// Trajectory is one of those shown; what lies beyond the timeline is cut off.
type Trajectory struct {
	Start, Finish, Taken float64
	Staleness            int // −1 if it was never taken
}

// Level is how many trajectories there are from a time on.
type Level struct {
	Seconds           float64
	InFlight, Waiting int
}

// Draw draws the timeline.
func (t *Timeline) Draw() (Figure, error) {
	events := newPlot("", "seconds", "trajectories")
	rows := float64(len(t.Trajectories))
	trainer := math.Max(1, rows/10) // height of its bars
	events.Y.Tick.Marker = plot.ConstantTicks{{Value: rows + 1.2*trainer, Label: "trainer"}}
	greatest := t.greatest()
	perShade := 1 + greatest/len(shades) // steps
	events.Add(&timelineBars{t, rows, trainer, perShade})
	events.X.Min, events.X.Max = 0, t.To-t.From
	events.Y.Min, events.Y.Max = 0, rows+2*trainer

	levels := newPlot("", "seconds", "number")
	var inFlight, waiting plotter.XYs
	top := 1.0
	for i, l := range t.Levels {
		x := l.Seconds - t.From
		if i > 0 {
			last := t.Levels[i-1]
			inFlight = append(inFlight, plotter.XY{X: x, Y: float64(last.InFlight)})
			waiting = append(waiting, plotter.XY{X: x, Y: float64(last.Waiting)})
		}
		inFlight = append(inFlight, plotter.XY{X: x, Y: float64(l.InFlight)})
		waiting = append(waiting, plotter.XY{X: x, Y: float64(l.Waiting)})
		top = max(top, float64(l.InFlight), float64(l.Waiting))
	}
	for i, line := range []plotter.XYs{inFlight, waiting} {
		if len(line) > 0 {
			if err := addLine(levels, line, styleOf(i)); err != nil {
				return Figure{}, err
			}
		}
	}
	levels.X.Min, levels.X.Max = 0, t.To-t.From
	levels.Y.Min, levels.Y.Max = 0, 1.05*top
	key := []keyEntry{lineKey("in flight", styleOf(0)), lineKey("finished, waiting", styleOf(1)), {"a trajectory, by its staleness in steps:", nil}}
	for i := 0; i*perShade <= greatest; i++ {
		name := fmt.Sprint(i * perShade)
		if perShade > 1 {
			name += fmt.Sprintf("–%d", (i+1)*perShade-1)
		}
		key = append(key, keyEntry{name, func(c draw.Canvas) { c.FillPolygon(shades[i], corners(c.Rectangle)) }})
	}
	return Figure{
		ID:    "timeline",
		Title: "A stretch of the pipeline",
		Caption: "Above: at the top the trainer at work, step by step, with a line for each time engines get new weights; below it some trajectories, " +
			"one a row, thick while they run and thin while they wait for a batch. Below: how many run and how many wait.",
		SVG: render("Timeline of the pipeline", key, [][]*plot.Plot{{events}, {levels}}, 300),
	}, nil
}

// greatest returns the greatest staleness.
func (t *Timeline) greatest() (steps int) {
	for _, r := range t.Trajectories {
		steps = max(steps, r.Staleness)
	}
	return steps
}

// timelineBars draws the trainer's steps, the trajectories below them, and lines at
// the times of new weights.
type timelineBars struct {
	*Timeline
	rows, trainer float64
	perShade      int
}

func (t *timelineBars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	at := func(seconds float64) vg.Length { return x(max(0, min(seconds, t.To)-t.From)) }
	fill := func(from, to, low, high float64) {
		if to <= t.From || from >= t.To {
			return
		}
		var path vg.Path
		addRect(&path, vg.Rectangle{Min: vg.Point{X: at(from), Y: y(low)}, Max: vg.Point{X: at(to), Y: y(high)}})
		c.Fill(path)
	}
	for _, s := range t.Published {
		if t.From <= s && s <= t.To {
			c.StrokeLine2(thinLine, at(s), y(0), at(s), y(t.rows+1.8*t.trainer))
		}
	}
	for i, s := range t.Steps {
		c.SetColor(palette[0])
		if i%2 == 1 {
			c.SetColor(soften(palette[0]))
		}
		fill(s.From, s.To, t.rows+0.7*t.trainer, t.rows+1.7*t.trainer)
	}
	for i, r := range t.Trajectories {
		low := t.rows - float64(i) - 1
		c.SetColor(gridLine.Color)
		if r.Staleness >= 0 {
			c.SetColor(shades[r.Staleness/t.perShade])
		}
		fill(r.Start, r.Finish, low+0.1, low+0.9)
		fill(r.Finish, r.Taken, low+0.4, low+0.6)
	}
}

func lineKey(name string, s style) keyEntry {
	return keyEntry{name, func(c draw.Canvas) {
		c.StrokeLine2(s.line(), c.Min.X, c.Center().Y, c.Max.X, c.Center().Y)
	}}
}

// addMarks adds dots.
func addMarks(p *plot.Plot, points plotter.XYs, s style, radius vg.Length) error {
	marks, err := plotter.NewScatter(points)
	if err != nil {
		return err
	}
	marks.GlyphStyle = draw.GlyphStyle{Color: s.color, Radius: radius, Shape: draw.CircleGlyph{}}
	p.Add(marks)
	return nil
}

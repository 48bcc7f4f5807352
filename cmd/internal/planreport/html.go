package planreport

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"

	"github.com/trueup-rl/trueup/cmd/internal/figures"
	"github.com/trueup-rl/trueup/plan"
)

//go:embed page.html
var pageSource string

var page = template.Must(template.New("plan").Funcs(template.FuncMap{
	"fixed":   fixed,
	"percent": percent,
	"two":     func(x float64) string { return fmt.Sprintf("%.2f", x) },
	"one":     func(x float64) string { return fmt.Sprintf("%.1f", x) },
	"whole":   func(x float64) string { return fmt.Sprintf("%.0f", x) },
	"none":    func(o plan.Outcome) bool { return o == plan.Outcome{} },
}).Parse(pageSource))

// WriteHTML writes the report as one page that needs nothing else: no script, no
// network. What was simulated is drawn, with a timeline if one was recorded.
func (r *Report) WriteHTML(w io.Writer) error {
	drawn, err := r.figures()
	if err != nil {
		return err
	}
	return page.Execute(w, struct {
		*Report
		Figures []figures.Figure
	}{r, drawn})
}

func (r *Report) figures() ([]figures.Figure, error) {
	var splits []figures.SplitTime
	for p := range plan.Splits(r.Inputs) {
		splits = append(splits, figures.SplitTime{
			Inference: p.Inference, Rollout: p.RolloutSeconds, Train: p.TrainSeconds, Latency: p.LatencySeconds, Step: p.StepSeconds,
		})
	}
	best := slices.IndexFunc(splits, func(s figures.SplitTime) bool { return s.Inference == r.Inference })
	f, err := figures.StepTimes(splits, best, r.Ideal.StepSeconds)
	if err != nil {
		return nil, err
	}
	drawn := []figures.Figure{f}
	if r.Simulation == nil {
		return drawn, nil
	}

	name := "simulated"
	if r.Inputs.Group > 1 {
		name = fmt.Sprintf("simulated, groups of %d", r.Inputs.Group)
	}
	ages := []figures.Ages{{Name: name, Counts: r.Simulation.Group}}
	p := &r.Simulation.plan
	predicted := []figures.AgeMark{{Steps: p.P50, Share: 0.5}, {Steps: p.P95, Share: 0.05}, {Steps: p.P99, Share: 0.01}}
	if f, err = figures.Staleness(ages, predicted); err != nil {
		return nil, err
	}
	drawn = append(drawn, f)

	if r.timeline != nil {
		t := r.timeline.Timeline
		t.Levels = thin(t.Levels, 600)
		if f, err = t.Draw(); err != nil {
			return nil, err
		}
		drawn = append(drawn, f)
	}
	return drawn, nil
}

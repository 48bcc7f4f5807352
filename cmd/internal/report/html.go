package report

import (
	_ "embed"
	"html/template"
	"io"

	"github.com/trueup-rl/trueup/cmd/internal/figures"
	"github.com/trueup-rl/trueup/diagnose"
)

//go:embed report.html
var pageSource string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"sig":      sig,
	"optional": optional,
	"percent":  percent,
	"count":    count,
	"floor":    func(p Precision) string { return sig(share(1, p.Rows-p.EmptyRows)) },
	"remarks":  func(p Precision) []string { return p.remarks() },
	"probed":   func(p Precision) []string { return p.probed() },
	"sound":    func(r *Report) bool { return r.sound() },
	"allWell":  func() string { return soundText },
	"measured": measured,
	"milli":    milli,
	"root":     root,
	"brief":    func(p Precision) []Pick { return p.Thresholds.brief(p.Verdict.Advice) },
	"prompts":  func(p Precision) string { return count(int64(p.Prompts)) },
	"se":       plusMinus,
	"gradeClass": func(g diagnose.Grade) string {
		return [...]string{"nodata", "expected", "elevated", "align"}[g]
	},
}).Parse(pageSource))

// WriteHTML writes the report and its figures as one page that needs nothing
// else: no script, no network.
func (r *Report) WriteHTML(w io.Writer, drawn []figures.Figure) error {
	return page.Execute(w, struct {
		*Report
		Figures []figures.Figure
	}{r, drawn})
}

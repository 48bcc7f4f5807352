package report

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/trueup-rl/trueup/diagnose"
)

// table is text in columns, the first aligned left, the others right.
type table struct {
	lines  [][]string
	widths []int
}

func newTable(heads ...string) *table {
	t := &table{widths: make([]int, len(heads))}
	t.row(heads...)
	return t
}

func (t *table) row(cells ...string) {
	for i, c := range cells {
		t.widths[i] = max(t.widths[i], utf8.RuneCountInString(c))
	}
	t.lines = append(t.lines, cells)
}

func (t *table) write(w io.Writer) {
	for n, cells := range t.lines {
		var b strings.Builder
		for i, c := range cells {
			pad := strings.Repeat(" ", t.widths[i]-utf8.RuneCountInString(c))
			if i == 0 {
				b.WriteString("  " + c + pad)
			} else {
				b.WriteString("   " + pad + c)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
		if n == 0 {
			total := 2
			for _, width := range t.widths {
				total += width + 3
			}
			fmt.Fprintln(w, "  "+strings.Repeat("─", total-5))
		}
	}
}

// sig prints three significant digits.
func sig(x float64) string { return digits(x, 3) }

// sig2 prints two.
func sig2(x float64) string { return digits(x, 2) }

func digits(x float64, n int) string {
	if x == 0 {
		return "0"
	}
	return strings.TrimSuffix(fmt.Sprintf("%#.*g", n, x), ".")
}

// optional prints a figure that may be absent.
func optional(x *float64) string {
	if x == nil {
		return "–"
	}
	return sig(*x)
}

// percent prints a share. What is neither none nor all never reads as such.
func percent(x float64) string {
	switch {
	case x > 0 && x < 0.0005:
		return "<0.1 %"
	case x < 1 && x > 0.9995:
		return ">99.9 %"
	}
	return fmt.Sprintf("%.1f %%", 100*x)
}

// estimate prints a figure with its standard error and, in brackets, that
// clustered by prompt.
func estimate(x, se float64, cluster *float64) string {
	return sig(x) + " " + plusMinus(se, cluster)
}

// plusMinus prints the errors of an estimate.
func plusMinus(se float64, cluster *float64) string {
	s := "± " + sig2(se)
	if cluster != nil {
		s += " [" + sig2(*cluster) + "]"
	}
	return s
}

// measured prints a share with its standard error.
func measured(e diagnose.Estimate) string { return milli(e.Value) + " ± " + milli(e.SE) }

// milli prints a share to three decimals.
func milli(x float64) string { return strconv.FormatFloat(x, 'f', 3, 64) }

// root returns the root of a mean square.
func root(e diagnose.Estimate) float64 { return math.Sqrt(e.Value) }

// count prints an integer with its thousands set apart.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// wrap breaks text into lines of at most 100 columns.
func wrap(text, indent string) string {
	const width = 100
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case column == 0:
			b.WriteString(indent)
			column = len(indent)
		case column+1+n > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

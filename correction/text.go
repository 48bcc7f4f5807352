package correction

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A policy's text is a list of terms:
//
//	weight    {token|seq|geo}-{tis:HI|clip:LO..HI|icepop:LO..HI}
//	filter    {token|seq|geo}-mask:LO..HI
//	          {token|sum|mean|max}-{k2|k3}:HI
//	others    batch-norm
//	          nonfinite:{drop|zero|one|error}
//
// A missing LO is 0 and a missing HI is infinite: "seq-mask:0.5..".

var (
	ruleNames      = [...]string{Truncate: "tis", Clip: "clip", IcePop: "icepop"}
	ratioLevels    = [...]string{Token: "token", Sequence: "seq", Mean: "geo"}
	klLevels       = [...]string{Token: "token", Sequence: "sum", Mean: "mean", Maximum: "max"}
	statisticNames = [...]string{Ratio: "mask", K2: "k2", K3: "k3"}
	nonFiniteNames = [...]string{Drop: "drop", ZeroWeight: "zero", UnitWeight: "one", Refuse: "error"}
)

const (
	none      = "none"
	batchNorm = "batch-norm"
	nonFinite = "nonfinite"
)

// Parse reads a policy from its text form, for instance
// "token-tis:2, geo-mask:0.99..1.01". Terms are separated by commas, white space
// around them is ignored, and "none" or nothing is the zero Policy. Errors wrap
// ErrPolicy and quote the term.
func Parse(s string) (Policy, error) {
	var p Policy
	if s = strings.TrimSpace(s); s == "" || s == none {
		return p, nil
	}
	for term := range strings.SplitSeq(s, ",") {
		if err := p.parseTerm(strings.TrimSpace(term)); err != nil {
			return Policy{}, err
		}
	}
	return p, p.Check()
}

func (p *Policy) parseTerm(term string) error {
	name, value, _ := strings.Cut(term, ":")
	switch name {
	case batchNorm:
		if value != "" {
			return fmt.Errorf("%w: %q takes no value", ErrPolicy, term)
		}
		p.Normalize = BatchMean
		return nil
	case nonFinite:
		n, err := ParseNonFinite(value)
		p.NonFinite = n
		return err
	}

	level, what, _ := strings.Cut(name, "-")
	if rule, ok := find(ruleNames[:], what); ok {
		l, ok := find(ratioLevels[:], level)
		if !ok {
			return fmt.Errorf("%w: %q: no level %q for a weight", ErrPolicy, term, level)
		}
		if p.Weight.Rule != Unweighted {
			return fmt.Errorf("%w: %q: a second weight", ErrPolicy, term)
		}
		w := Weight{Rule: Rule(rule), Level: Level(l)}
		var err error
		w.Lo, w.Hi, err = parseBounds(term, value, w.Rule == Truncate)
		p.Weight = w
		return err
	}
	if statistic, ok := find(statisticNames[:], what); ok {
		f := Filter{Statistic: Statistic(statistic)}
		levels := klLevels[:]
		if f.Statistic == Ratio {
			levels = ratioLevels[:]
		}
		l, ok := find(levels, level)
		if !ok {
			return fmt.Errorf("%w: %q: no level %q for this filter", ErrPolicy, term, level)
		}
		f.Level = Level(l)
		var err error
		f.Lo, f.Hi, err = parseBounds(term, value, f.Statistic != Ratio)
		p.Filters = append(p.Filters, f)
		return err
	}
	return fmt.Errorf("%w: unknown term %q", ErrPolicy, term)
}

// find returns the index of a non-empty name.
func find(names []string, name string) (int, bool) {
	for i, n := range names {
		if n == name && name != "" {
			return i, true
		}
	}
	return 0, false
}

// parseBounds reads "HI" (single) or "LO..HI".
func parseBounds(term, s string, single bool) (lo, hi float64, err error) {
	from, to, isRange := strings.Cut(s, "..")
	switch {
	case s == "":
		return 0, 0, fmt.Errorf("%w: %q: a bound is missing", ErrPolicy, term)
	case single && isRange:
		return 0, 0, fmt.Errorf("%w: %q: one bound expected, found a range", ErrPolicy, term)
	case !single && !isRange:
		return 0, 0, fmt.Errorf("%w: %q: a range LO..HI expected", ErrPolicy, term)
	case single:
		from, to = "", s
	}
	if lo, err = parseBound(term, from, 0); err != nil {
		return 0, 0, err
	}
	hi, err = parseBound(term, to, math.Inf(1))
	return lo, hi, err
}

func parseBound(term, s string, missing float64) (float64, error) {
	if s == "" {
		return missing, nil
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || x != x {
		return 0, fmt.Errorf("%w: %q: bad bound %q", ErrPolicy, term, s)
	}
	return x, nil
}

// String returns the policy's text, which Parse reads back to an equal policy.
func (p Policy) String() string {
	var terms []string
	if p.Weight.Rule != Unweighted {
		terms = append(terms, p.Weight.String())
	}
	for _, f := range p.Filters {
		terms = append(terms, f.String())
	}
	if p.Normalize == BatchMean {
		terms = append(terms, batchNorm)
	}
	if p.NonFinite != Drop {
		terms = append(terms, nonFinite+":"+p.NonFinite.String())
	}
	if len(terms) == 0 {
		return none
	}
	return strings.Join(terms, ", ")
}

// String returns the weight's term.
func (w Weight) String() string {
	if w.Rule == Unweighted {
		return none
	}
	name := nameOf(ratioLevels[:], w.Level) + "-" + nameOf(ruleNames[:], w.Rule) + ":"
	if w.Rule == Truncate {
		return name + formatBound(w.Hi, math.NaN())
	}
	return name + formatRange(w.Lo, w.Hi)
}

// String returns the filter's term.
func (f Filter) String() string {
	if f.Statistic == Ratio {
		return nameOf(ratioLevels[:], f.Level) + "-mask:" + formatRange(f.Lo, f.Hi)
	}
	return nameOf(klLevels[:], f.Level) + "-" + nameOf(statisticNames[:], f.Statistic) + ":" + formatBound(f.Hi, math.NaN())
}

// String returns drop, zero, one or error.
func (n NonFinite) String() string { return nameOf(nonFiniteNames[:], n) }

// ParseNonFinite reads what String prints.
func ParseNonFinite(s string) (NonFinite, error) {
	n, ok := find(nonFiniteNames[:], s)
	if !ok {
		return 0, fmt.Errorf("%w: nonfinite %q is none of %s", ErrPolicy, s, strings.Join(nonFiniteNames[:], ", "))
	}
	return NonFinite(n), nil
}

func nameOf[E ~uint8](names []string, e E) string {
	if int(e) < len(names) {
		return names[e]
	}
	return "?" + strconv.Itoa(int(e))
}

func formatRange(lo, hi float64) string {
	return formatBound(lo, 0) + ".." + formatBound(hi, math.Inf(1))
}

// formatBound leaves out the value that a missing bound stands for.
func formatBound(x, missing float64) string {
	if x == missing {
		return ""
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// MarshalText returns String.
func (p Policy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is Parse.
func (p *Policy) UnmarshalText(text []byte) (err error) {
	*p, err = Parse(string(text))
	return err
}

package correction

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A policy's text is a list of terms:
//
//	weight    {token|seq|geo|turn}-{tis:HI|clip:LO..HI|icepop:LO..HI|raw}
//	          seq-mask-tis:LO..HI
//	filter    {token|seq|geo|max|any|turn}-mask:LO..HI
//	          {token|sum|mean|max|any|turn}-{k2|k3|k3-reverse|abs-ratio|age}:HI
//	          {token|sum|mean|max|any|turn}-prob-diff:LO..HI
//	          veto:LO
//	          opsm:HI
//	others    {batch-norm|batch-norm-all}
//	          nonfinite:{drop|drop-row|zero|one|error}
//
// A missing LO is 0, of prob-diff −∞, and a missing HI is infinite:
// "seq-mask:0.5..". "token-raw" is "token-tis:+Inf", and "veto:LO"
// "any-mask:LO..".

var (
	ruleNames      = [...]string{Truncate: "tis", Clip: "clip", IcePop: "icepop"}
	ratioLevels    = [...]string{Token: "token", Sequence: "seq", Mean: "geo", Maximum: "max", Any: "any", Turn: "turn"}
	sumLevels      = [...]string{Token: "token", Sequence: "sum", Mean: "mean", Maximum: "max", Any: "any", Turn: "turn"}
	statisticNames = [...]string{
		Ratio: "mask", K2: "k2", K3: "k3", K3Reverse: "k3-reverse", AbsRatio: "abs-ratio",
		ProbDiff: "prob-diff", Age: "age", OffPolicy: "",
	}
	nonFiniteNames = [...]string{Drop: "drop", ZeroWeight: "zero", UnitWeight: "one", Refuse: "error", DropRow: "drop-row"}
)

const (
	none         = "none"
	raw          = "raw"
	seqMaskTIS   = "seq-mask-tis"
	veto         = "veto"
	opsm         = "opsm"
	batchNorm    = "batch-norm"
	batchNormAll = "batch-norm-all"
	nonFinite    = "nonfinite"
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
	level, what, _ := strings.Cut(name, "-")
	_, isRule := find(ruleNames[:], what)
	switch {
	case name == batchNorm, name == batchNormAll:
		if value != "" {
			return fmt.Errorf("%w: %q takes no value", ErrPolicy, term)
		}
		p.Normalize = BatchMean
		if name == batchNormAll {
			p.Normalize = AllRowsMean
		}
		return nil
	case name == nonFinite:
		n, err := ParseNonFinite(value)
		p.NonFinite = n
		return err
	case name == seqMaskTIS, what == raw, isRule:
		if p.Weight.Rule != Unweighted {
			return fmt.Errorf("%w: %q: a second weight", ErrPolicy, term)
		}
		w, err := parseWeight(term, name, level, what, value)
		p.Weight = w
		return err
	}
	f, err := parseFilter(term, name, level, what, value)
	p.Filters = append(p.Filters, f)
	return err
}

// parseWeight reads the weight that a term "name:value" is, with name
// "level-what".
func parseWeight(term, name, level, what, value string) (w Weight, err error) {
	if name == seqMaskTIS {
		w.Rule = SeqMaskTIS
		w.Lo, w.Hi, err = parseBounds(term, value, false, 0)
		return w, err
	}
	l, ok := find(ratioLevels[:], level)
	if !ok {
		return w, fmt.Errorf("%w: %q: no level %q for a weight", ErrPolicy, term, level)
	}
	w.Level = Level(l)
	if what == raw {
		if value != "" {
			return w, fmt.Errorf("%w: %q takes no value", ErrPolicy, term)
		}
		w.Rule, w.Hi = Truncate, math.Inf(1)
		return w, nil
	}
	rule, _ := find(ruleNames[:], what)
	w.Rule = Rule(rule)
	w.Lo, w.Hi, err = parseBounds(term, value, w.Rule == Truncate, 0)
	return w, err
}

// parseFilter is parseWeight for a filter.
func parseFilter(term, name, level, what, value string) (f Filter, err error) {
	switch name {
	case veto:
		f = Filter{Level: Any, Hi: math.Inf(1)}
		if value == "" {
			return f, fmt.Errorf("%w: %q: a bound is missing", ErrPolicy, term)
		}
		f.Lo, err = parseBound(term, value, 0)
		return f, err
	case opsm:
		f = Filter{Statistic: OffPolicy, Level: Mean}
		_, f.Hi, err = parseBounds(term, value, true, 0)
		return f, err
	}
	statistic, ok := find(statisticNames[:], what)
	if !ok {
		return f, fmt.Errorf("%w: unknown term %q", ErrPolicy, term)
	}
	f.Statistic = Statistic(statistic)
	l, ok := find(f.levels(), level)
	if !ok {
		return f, fmt.Errorf("%w: %q: no level %q for this filter", ErrPolicy, term, level)
	}
	f.Level = Level(l)
	f.Lo, f.Hi, err = parseBounds(term, value, !f.twoSided(), f.leastLo())
	return f, err
}

// levels returns the names of the levels of the filter's statistic.
func (f *Filter) levels() []string {
	if f.Statistic == Ratio {
		return ratioLevels[:]
	}
	return sumLevels[:]
}

// twoSided reports whether the filter has a lower bound.
func (f *Filter) twoSided() bool { return f.Statistic == Ratio || f.Statistic == ProbDiff }

// leastLo returns the lower bound that bounds nothing.
func (f *Filter) leastLo() float64 {
	if f.Statistic == ProbDiff {
		return math.Inf(-1)
	}
	return 0
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

// parseBounds reads "HI" (single) or "LO..HI", of which a missing LO is least.
func parseBounds(term, s string, single bool, least float64) (lo, hi float64, err error) {
	from, to, isRange := strings.Cut(s, "..")
	switch {
	case s == "":
		return 0, 0, fmt.Errorf("%w: %q: a bound is missing", ErrPolicy, term)
	case single && isRange:
		return 0, 0, fmt.Errorf("%w: %q: one bound expected, found a range", ErrPolicy, term)
	case !single && !isRange:
		return 0, 0, fmt.Errorf("%w: %q: a range LO..HI expected", ErrPolicy, term)
	case single:
		hi, err = parseBound(term, s, math.Inf(1))
		return 0, hi, err
	}
	if lo, err = parseBound(term, from, least); err != nil {
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
	switch p.Normalize {
	case BatchMean:
		terms = append(terms, batchNorm)
	case AllRowsMean:
		terms = append(terms, batchNormAll)
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
	switch w.Rule {
	case Unweighted:
		return none
	case SeqMaskTIS:
		return seqMaskTIS + ":" + formatRange(w.Lo, w.Hi)
	}
	name := nameOf(ratioLevels[:], w.Level) + "-" + nameOf(ruleNames[:], w.Rule) + ":"
	if w.Rule == Truncate {
		return name + formatBound(w.Hi, math.NaN())
	}
	return name + formatRange(w.Lo, w.Hi)
}

// String returns the filter's term.
func (f Filter) String() string {
	switch {
	case f.Statistic == OffPolicy:
		return opsm + ":" + formatBound(f.Hi, math.NaN())
	case f.Statistic == Ratio && f.Level == Any && math.IsInf(f.Hi, 1):
		return veto + ":" + formatBound(f.Lo, math.NaN())
	}
	name := nameOf(f.levels(), f.Level) + "-" + nameOf(statisticNames[:], f.Statistic) + ":"
	if f.twoSided() {
		return name + formatBound(f.Lo, f.leastLo()) + ".." + formatBound(f.Hi, math.Inf(1))
	}
	return name + formatBound(f.Hi, math.NaN())
}

// String returns drop, drop-row, zero, one or error.
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

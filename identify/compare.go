package identify

// tensor is a quantized matrix, or some rows of one, with one element for each code and each scale.
// Any NaN of a format that has one is the same.
type tensor struct {
	rows, cols    int
	height, width int      // of a tile, which shares a scale
	codes         []uint8  // rows × cols
	scales        []uint32 // one for each tile, row by row
}

// across returns the number of tiles side by side.
func (t *tensor) across() int { return (t.cols + t.width - 1) / t.width }

// part returns n rows, whole tiles of them but for the last.
func (t *tensor) part(first, n int) tensor {
	p := *t
	p.rows = n
	if t.codes != nil {
		p.codes = t.codes[first*t.cols:][:n*t.cols]
	}
	if t.scales != nil {
		down := (n + t.height - 1) / t.height
		p.scales = t.scales[first/t.height*t.across():][:down*t.across()]
	}
	return p
}

// A given tensor may be read in some ways, each with a name: they have scales or codes only.
type reading struct {
	name string
	tensor
}

// given is what was given to identify: the readings of its scales and of its codes.
type given struct {
	rows, cols    int
	scales, codes []reading
}

// A candidate makes n rows by one recipe.
type candidate struct {
	Match
	quantize func(first, n int) tensor
}

// frontLen is the number of values, at least, that every recipe is tried on, and bandRows what all
// tiles divide.
const (
	frontLen = 16 << 10
	bandRows = 128
)

// match compares the candidate with what was given: the front, and the rest as long as they agree.
func (c *candidate) match(g *given) Match {
	scales, codes := make([]tally, len(g.scales)), make([]tally, len(g.codes))
	step := (frontLen/g.cols + bandRows) / bandRows * bandRows
	for first := 0; first < g.rows; first += step {
		n := min(step, g.rows-first)
		want := c.quantize(first, n)
		for i := range scales {
			part := g.scales[i].part(first, n)
			scales[i].scales(first, &part, &want)
		}
		for i := range codes {
			part := g.codes[i].part(first, n)
			codes[i].codes(first, &part, &want)
		}
		if bestOf(scales) < 0 || bestOf(codes) < 0 {
			break
		}
		if scales[bestOf(scales)].first != nil || codes[bestOf(codes)].first != nil {
			break
		}
	}
	m := c.Match
	if i := bestOf(scales); i >= 0 {
		m.Scales, m.First = scales[i].Share, scales[i].first
		if len(scales) > 1 {
			m.ScaleLayout = g.scales[i].name
		}
	}
	if i := bestOf(codes); i >= 0 {
		m.Codes = codes[i].Share
		if codes[i].first.before(m.First) {
			m.First = codes[i].first
		}
		if len(codes) > 1 {
			m.CodeLayout = g.codes[i].name
		}
	}
	return m
}

// tally counts what agrees.
type tally struct {
	Share
	first *Difference
}

// bestOf returns the index of the tally with the largest share, -1 of none.
func bestOf(tallies []tally) int {
	best := -1
	for i := range tallies {
		if best < 0 || tallies[i].Equal > tallies[best].Equal {
			best = i
		}
	}
	return best
}

// scales compares the scales of rows from the given one on.
func (t *tally) scales(first int, got, want *tensor) {
	across := want.across()
	for i, w := range want.scales {
		g := got.scales[i]
		t.add(g == w)
		if g != w && t.first == nil {
			t.first = &Difference{Scale: true, Row: first + i/across*want.height, Col: i % across * want.width, Got: g, Want: w}
		}
	}
}

// codes compares the codes of rows from the given one on.
func (t *tally) codes(first int, got, want *tensor) {
	for i, w := range want.codes {
		g := got.codes[i]
		t.add(g == w)
		if g != w && t.first == nil {
			t.first = &Difference{Row: first + i/want.cols, Col: i % want.cols, Got: uint32(g), Want: uint32(w)}
		}
	}
}

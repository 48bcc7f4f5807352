package exact

// Moments accumulates the count, sum, sum of squares and extremes of a
// quantity; it merges exactly. The zero value is empty.
type Moments struct {
	n          int64
	sum, sumSq Sum
	min, max   float64
}

// Add adds one observation x with x² below 2¹²⁰.
func (m *Moments) Add(x float64) {
	m.AddBlock(Block{N: 1, Sum: x, SumSq: float64(x * x), Min: x, Max: x})
}

// Block is what a row contributes to Moments: sums over its N observations,
// taken in float64 in the order of the row. With N = 0 the rest is ignored.
type Block struct {
	N          int64
	Sum, SumSq float64
	Min, Max   float64
}

// AddBlock adds the observations of a block.
func (m *Moments) AddBlock(b Block) {
	if b.N == 0 {
		return
	}
	m.widen(b.N, b.Min, b.Max)
	m.sum.Add(b.Sum)
	m.sumSq.Add(b.SumSq)
}

// Merge adds the observations of o.
func (m *Moments) Merge(o *Moments) {
	if o.n == 0 {
		return
	}
	m.widen(o.n, o.min, o.max)
	m.sum.Merge(&o.sum)
	m.sumSq.Merge(&o.sumSq)
}

func (m *Moments) widen(n int64, lo, hi float64) {
	if m.n == 0 {
		m.min, m.max = lo, hi
	}
	m.min, m.max = min(m.min, lo), max(m.max, hi)
	m.n += n
}

// Total returns the sum over all observations. It is a view; do not change it.
func (m *Moments) Total() *Sum { return &m.sum }

// Block returns what was added, rounded once.
func (m *Moments) Block() Block {
	return Block{N: m.n, Sum: m.sum.Float64(), SumSq: m.sumSq.Float64(), Min: m.min, Max: m.max}
}

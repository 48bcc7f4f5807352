package kernel

// A row is summed in one order on every machine: element i goes to lane
// i mod Lanes, a chunk's lanes are folded by halves, and the chunks' sums are
// added from first to last. SIMD registers of any width up to Lanes values keep
// that order at full speed.
const (
	Lanes = 32
	Chunk = 4096
)

// Sum64 adds float64 values in the order of the lanes. The zero value is empty.
type Sum64 [Lanes]float64

// Fold returns the sum over the lanes and empties them.
func (s *Sum64) Fold() float64 {
	for n := Lanes / 2; n > 0; n /= 2 {
		for i := range n {
			s[i] += s[i+n]
		}
	}
	total := s[0]
	*s = Sum64{}
	return total
}

// RowSum adds the terms of one row, named by their position, in that order. The
// zero value is empty.
type RowSum struct {
	lanes Sum64
	chunk int     // of the last term
	total float64 // of the chunks before
}

// Add adds the term at position t. Positions never fall; those left out add
// nothing.
func (s *RowSum) Add(t int, x float64) {
	if c := t / Chunk; c != s.chunk {
		s.total += s.lanes.Fold()
		s.chunk = c
	}
	s.lanes[t%Lanes] += x
}

// Total returns the row's sum.
func (s *RowSum) Total() float64 { return s.total + s.lanes.Fold() }

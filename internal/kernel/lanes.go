package kernel

// Sums keep one order on every machine, which SIMD registers of any width can
// follow.
const (
	// Lanes and Chunk are the order of a row of logits: element i goes to lane
	// i mod Lanes of its chunk, a chunk's lanes are folded by halves, and chunks
	// are merged from first to last.
	Lanes = 32
	Chunk = 4096
	// RowLanes is the order of a row's float64 sums over tokens: token t goes to
	// lane t mod RowLanes, and the lanes are folded by halves at the end.
	RowLanes = 8
)

// RowSum adds the terms of one row, named by their position, in that order. The
// zero value is empty.
type RowSum [RowLanes]float64

// Add adds the term at position t. Positions left out add nothing.
func (s *RowSum) Add(t int, x float64) { s[t%RowLanes] += x }

// Total returns the row's sum.
func (s *RowSum) Total() float64 {
	a, b, c, d := s[0]+s[4], s[1]+s[5], s[2]+s[6], s[3]+s[7]
	return (a + c) + (b + d)
}

package mismatch

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// AbsQuantile returns the q-quantile of |d| over valid tokens, for q in [0, 1]:
// the least |d| that a share q of the tokens does not exceed, read from a
// histogram with 16 bins to an octave, so that it is at most 1/32 of its value
// off between 2⁻²⁴ and 64. Below that range it is 0, above it the largest |d|
// seen. Without tokens it is 0; it panics if q is out of range.
func (s *Stats) AbsQuantile(q float64) float64 {
	if !(q >= 0 && q <= 1) {
		panic("mismatch: quantile outside [0, 1]")
	}
	n := s.d.Block().N
	if n == 0 {
		return 0
	}
	rank := max(1, int64(math.Ceil(float64(q*float64(n)))))
	seen := int64(0)
	for bin := range kernel.HistSide {
		seen += s.histogram.Bin(bin) + s.histogram.Bin(bin+kernel.HistSide)
		if seen < rank {
			continue
		}
		largest := s.abs.Block().Max
		switch bin {
		case 0:
			return 0
		case kernel.HistSide - 1:
			return largest
		}
		return min(largest, (kernel.HistEdge(bin)+kernel.HistEdge(bin+1))/2)
	}
	return s.abs.Block().Max
}

package exact

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// LogSum is a sum of exponentials Σ e^x whose terms may lie hundreds of orders
// of magnitude apart, as the importance ratios of whole sequences do. It keeps
// the topmost windows of 64 binary places that any term fell in; a term below
// them is less than 2⁻¹²⁸ of the sum. What is kept depends on the largest term
// alone, so order cannot show.
//
// The zero value is an empty sum.
type LogSum struct {
	n      int64
	top    int    // index of windows[0]
	window [3]Sum // window[i] is in units of 2^(64·(top−i))
}

// Add adds e^x, for |x| ≤ 2²¹.
func (s *LogSum) Add(x float64) {
	m, n := kernel.ExpParts(x)
	w := n >> 6
	s.raise(w)
	s.n++
	if i := s.top - w; i < len(s.window) {
		s.window[i].Add(math.Ldexp(m, n&63))
	}
}

// raise makes w the top window if it lies above it.
func (s *LogSum) raise(w int) {
	if s.n == 0 {
		s.top = w
		return
	}
	if w <= s.top {
		return
	}
	old := s.window
	s.window = [3]Sum{}
	for i, v := range old {
		if j := i + w - s.top; j < len(s.window) {
			s.window[j] = v
		}
	}
	s.top = w
}

// Merge adds the sum o.
func (s *LogSum) Merge(o *LogSum) {
	if o.n == 0 {
		return
	}
	s.raise(o.top)
	s.n += o.n
	for i := range o.window {
		if j := i + s.top - o.top; j < len(s.window) {
			s.window[j].Merge(&o.window[i])
		}
	}
}

// Parts returns the sum as m·2ᵉ; an empty sum is 0·2⁰.
func (s *LogSum) Parts() (m float64, e int) {
	for i := len(s.window) - 1; i >= 0; i-- {
		m = s.window[i].Float64() + float64(m*0x1p-64)
	}
	return m, 64 * s.top
}

// Package roundoff measures what a quantization loses: the largest and the mean-square error, and how
// many values saturated, were flushed to zero, or lay so near to a tie that another order of
// arithmetic would have rounded them the other way.
//
// The packages of formats fill [Stats] while they quantize, on request:
//
//	var stats roundoff.Stats
//	nvfp4.QuantizeStats(t, w, nvfp4.AMax(w), &stats)
//	fmt.Println(stats.Summary().SQNR())
//
// Statistics of parts merge, in any order and for any division of rows among workers or ranks, to the
// same bits.
package roundoff

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// NearTie is how near to a rounding midpoint, relative to it, a value counts as a near-tie: 8 units in
// the last place of float32. Recipes that compute the same quotient in another order of float32
// operations differ by less; those that work in BF16 do not.
const NearTie = 1.0 / (1 << nearTieBits)

const nearTieBits = 20

// Stats accumulates the errors of quantized values. The zero value is empty.
type Stats struct {
	values, nonFinite, saturated, flushed, nearTies int64

	maxError      float64
	noise, signal sum // of squares of errors and of values
}

// Add takes values x that were quantized to codes of the format e with one multiplier, unit, and what
// they decode to. unit is what code values are multiplied by when decoding, all scales included.
//
// A call is an atom: its squares are added in float64, in order, and the rest exactly. So that no
// division of work can show, call it for a block, or for a row where that has one multiplier. It panics
// if the lengths differ or if the format is unknown.
func (s *Stats) Add(x, decoded []float32, unit float32, e Element) {
	if len(x) != len(decoded) {
		panic("roundoff: lengths of values and decoded values differ")
	}
	grid := e.grid()
	// A unit that is not an ordinary number makes no quotient: all of x/NaN is neither saturated nor tied.
	scale := math.Abs(float64(unit))
	if scale == 0 || math.IsInf(scale, 0) {
		scale = math.NaN()
	}
	saturation, largest, inverse := float64(grid.saturation*scale), float64(grid.max*scale), fixedOne/scale
	s.values += int64(len(x))
	var noise, signal float64
	decoded = decoded[:len(x)]
	for i, v := range x {
		v, d := float64(v), float64(decoded[i])
		err := math.Abs(v - d)
		if !(err <= math.MaxFloat64) {
			s.nonFinite++
			continue
		}
		noise += float64(err * err)
		signal += float64(v * v)
		if err > s.maxError {
			s.maxError = err
		}
		if d == 0 && v != 0 {
			s.flushed++
		}
		switch v = math.Abs(v); {
		case v > saturation:
			s.saturated++
		case v < largest && grid.nearTie(int64(v*inverse)):
			s.nearTies++
		}
	}
	s.noise.add(noise)
	s.signal.add(signal)
}

// Merge adds the statistics o.
func (s *Stats) Merge(o *Stats) {
	s.values += o.values
	s.nonFinite += o.nonFinite
	s.saturated += o.saturated
	s.flushed += o.flushed
	s.nearTies += o.nearTies
	s.maxError = max(s.maxError, o.maxError)
	s.noise.merge(&o.noise)
	s.signal.merge(&o.signal)
}

// Summary is what Stats say, as plain numbers. The errors are of the values that are finite and decode
// to a finite number; with none, they are 0.
type Summary struct {
	Values    int64 // all values
	NonFinite int64 // NaN or infinite, or decoded to that; in no other figure
	// Saturated values lie beyond the middle between the format's largest number and the next, were
	// there one: more than rounding brought them down.
	Saturated int64
	Flushed   int64 // not 0, but decoded to 0
	// NearTies, divided by the block's multiplier, lie within NearTie of a midpoint between two numbers
	// of the format.
	NearTies int64

	MaxError float64 // largest |x − decoded|
	MSE      float64 // mean (x − decoded)²
	Power    float64 // mean x²
}

// Summary returns the figures of all values added.
func (s *Stats) Summary() Summary {
	n := float64(max(s.values-s.nonFinite, 1))
	return Summary{
		Values: s.values, NonFinite: s.nonFinite, Saturated: s.saturated, Flushed: s.flushed, NearTies: s.nearTies,
		MaxError: s.maxError,
		MSE:      s.noise.float64() / n,
		Power:    s.signal.float64() / n,
	}
}

// SQNR returns the ratio of signal to quantization noise in decibels, 10 log₁₀(Power/MSE): +Inf
// without noise, 0 without either.
func (s Summary) SQNR() float64 {
	if s.MSE == s.Power {
		return 0
	}
	const perNeper = 10 / math.Ln10
	return float64(perNeper * (kernel.Log(s.Power) - kernel.Log(s.MSE)))
}

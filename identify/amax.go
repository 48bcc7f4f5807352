package identify

import (
	"math"
	"slices"

	"github.com/trueup-rl/trueup/bf16"
)

// amaxes finds the amax that a recipe may have been given.
type amaxes struct {
	source float32                    // that of the source
	given  []float32                  // the tensor scale, if there is one
	stored func(amax float32) float32 // what the recipe stores as the tensor scale
	full   float32                    // the amax that has a multiplier of 1
}

// convention is a way to write an amax as a tensor scale.
type convention struct {
	origin Origin
	write  func(amax float32) float32
	read   func(t float64) float64 // about the inverse
}

func conventions(full float32) []convention {
	times := func(t float64) float64 { return float64(t * float64(full)) }
	divide := func(t float64) float64 { return float64(full) / t }
	return []convention{
		{FromMultiplier, func(a float32) float32 { return a / full }, times},
		{FromDivisor, func(a float32) float32 { return full / a }, divide},
		{FromDivisor, func(a float32) float32 { return float32(full * (1 / a)) }, divide},
		{FromAMax, func(a float32) float32 { return a }, func(t float64) float64 { return t }},
	}
}

// best returns the best match of c among its amaxes; quantize returns c's own function for one.
func (a *amaxes) best(c candidate, g *given, quantize func(amax float32) func(first, n int) tensor) (best Match) {
	var tried []float32
	try := func(amax float32, from Origin) (done bool) {
		if slices.ContainsFunc(tried, func(t float32) bool { return sameFloat(t, amax) }) {
			return false
		}
		tried = append(tried, amax)
		c.quantize = quantize(amax)
		c.AMax, c.AMaxFrom, c.TensorScale = amax, from, a.stored(amax)
		c.TensorScaleEqual = len(a.given) == 1 && sameFloat(c.TensorScale, a.given[0])
		if m := c.match(g); len(tried) == 1 || m.better(&best) {
			best = m
		}
		return best.Exact()
	}
	if a.stored(1) == a.stored(2) { // it takes none
		try(a.source, NoAMax)
		best.AMax = 0
		return best
	}
	if try(a.source, FromSource) || len(a.given) != 1 {
		return best
	}
	t := a.given[0]
	all := conventions(a.full)
	for _, v := range all {
		if amax, ok := invert(a.stored, v.read(float64(t)), t); ok && try(amax, FromScale) {
			return best
		}
	}
	for _, v := range all {
		if amax, ok := invert(v.write, v.read(float64(t)), t); ok && try(amax, v.origin) {
			return best
		}
	}
	return best
}

// invert returns an amax near the one given for which write gives t: first of all a BF16 value, since
// that is what most sources hold.
func invert(write func(amax float32) float32, near float64, t float32) (amax float32, ok bool) {
	if !(near >= 0 && near <= math.MaxFloat32) {
		return 0, false
	}
	a := float32(math.Abs(near)) // of -0
	half := int(bf16.FromFloat32(a).Bits())
	for _, d := range []int{0, 1, -1, 2, -2} {
		amax = bf16.FromBits(uint16(max(half+d, 0))).Float32()
		if sameFloat(write(amax), t) {
			return amax, true
		}
	}
	bits := int64(math.Float32bits(a))
	for _, d := range []int64{0, 1, -1, 2, -2, 3, -3} {
		amax = math.Float32frombits(uint32(max(bits+d, 0)))
		if sameFloat(write(amax), t) {
			return amax, true
		}
	}
	return 0, false
}

// sameFloat compares bits, NaN as one class.
func sameFloat(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

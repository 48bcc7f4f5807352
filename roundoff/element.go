package roundoff

import "math/bits"

// Element is a format of codes.
type Element uint8

// The formats of packages fp4, fp6 and fp8, named by their exponent and mantissa bits. E4M3 is the
// variant without infinities.
const (
	E2M1 Element = iota
	E2M3
	E3M2
	E4M3
	E5M2
)

// grid is the set of a format's magnitudes.
type grid struct {
	mantissa    int     // stored bits
	minExponent int     // of normal numbers
	max         float64 // the largest
	saturation  float64 // the middle between that and the number after it
}

var grids = [...]grid{
	E2M1: {mantissa: 1, minExponent: 0, max: 6, saturation: 7},
	E2M3: {mantissa: 3, minExponent: 0, max: 7.5, saturation: 7.75},
	E3M2: {mantissa: 2, minExponent: -2, max: 28, saturation: 30},
	E4M3: {mantissa: 3, minExponent: -6, max: 448, saturation: 464},
	E5M2: {mantissa: 2, minExponent: -14, max: 57344, saturation: 61440},
}

func (e Element) grid() *grid {
	if int(e) >= len(grids) {
		panic("roundoff: unknown element format")
	}
	return &grids[e]
}

// fixedOne is 1 as nearTie has it: 44 places behind the point, which hold the format with the widest
// range, E5M2, and a hundredth of NearTie at its lowest midpoint.
const (
	fixedPlaces = 44
	fixedOne    = 1 << fixedPlaces
)

// nearTie reports whether q, from 0 to the format's largest number, is near a midpoint of its binade.
func (g *grid) nearTie(q int64) bool {
	exponent := max(bits.Len64(uint64(q))-1, g.minExponent+fixedPlaces)
	half := int64(1) << ((exponent - g.mantissa - 1) & 63)
	distance := q&(2*half-1) - half
	return max(distance, -distance) <= q>>nearTieBits
}

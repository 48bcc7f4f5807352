package layout

import (
	"math"

	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/names"
)

// A Convention is what an NVFP4 tensor scale t means. With it, the codes of a block with the scale s
// are multiplied by the float32
//
//	Multiplier  multiplier   s·t               ModelOpt's weight_scale_2, torchao's per_tensor_scale
//	Divisor     divisor      s/t               compressed-tensors' weight_global_scale
//	AMax        amax         (s·t)·(1/2688)    TransformerEngine's amax
//
// where each operation rounds once.
type Convention uint8

// The conventions of the field.
const (
	Multiplier Convention = iota
	Divisor
	AMax
)

var conventionNames = names.Of[Convention]{Multiplier: "multiplier", Divisor: "divisor", AMax: "amax"}

// ParseConvention returns the convention that s names, as String prints it.
func ParseConvention(s string) (Convention, error) { return conventionNames.Parse(s) }

// String returns the name of c, which ParseConvention reads back, or "Convention(n)" if c has none.
func (c Convention) String() string { return conventionNames.String(c) }

// MarshalText returns the name of c, or an error if c has none.
func (c Convention) MarshalText() ([]byte, error) { return conventionNames.Marshal(c) }

// UnmarshalText sets *c to the convention that text names, as ParseConvention does.
func (c *Convention) UnmarshalText(text []byte) error { return conventionNames.Unmarshal(c, text) }

// fullScale is what the largest code, 6, and the largest block scale, 448, make of a multiplier of 1.
const fullScale = 2688

// Factor returns what the codes of a block are multiplied by, for its scale and the tensor scale t.
func (c Convention) Factor(scale fp8.E4M3, t float32) float32 {
	s := scale.Float32()
	switch c {
	case Multiplier:
		return float32(s * t)
	case Divisor:
		return s / t
	case AMax:
		return float32(float32(s*t) * float32(1.0/fullScale))
	}
	panic("layout: unknown convention")
}

// multiplier returns what t stands for as a multiplier, near enough to be rounded once more.
func (c Convention) multiplier(t float64) float64 {
	switch c {
	case Multiplier:
		return t
	case Divisor:
		return 1 / t
	case AMax:
		return t / fullScale
	}
	panic("layout: unknown convention")
}

// fromMultiplier undoes multiplier.
func (c Convention) fromMultiplier(m float64) float64 {
	switch c {
	case Multiplier:
		return m
	case Divisor:
		return 1 / m
	case AMax:
		return float64(m * fullScale)
	}
	panic("layout: unknown convention")
}

// Convert returns the tensor scale that stands in the convention to for t in the convention from, and
// whether it does so exactly: whether all 256 block scales have the same Factor to the bit, any NaN
// being the same. Codes and block scales need not change then.
//
// Between a multiplier and a divisor it is exact for powers of two, 0 and infinity, and for one in five
// other numbers, since no reciprocal of these is a float32; from or to an amax, for one in twenty.
// Otherwise some scales decode to the float32 next to the one they had, and [FirstDifference] tells
// whether a tensor's own scales are among them. The result is the exact one if there is one within two
// units in the last place of the nearest, else the nearest.
func Convert(t float32, from, to Convention) (converted float32, exact bool) {
	nearest := float32(to.fromMultiplier(from.multiplier(float64(t))))
	down := math.Nextafter32(nearest, float32(math.Inf(-1)))
	up := math.Nextafter32(nearest, float32(math.Inf(1)))
	for _, u := range [...]float32{
		nearest, down, up,
		math.Nextafter32(down, float32(math.Inf(-1))), math.Nextafter32(up, float32(math.Inf(1))),
	} {
		if sameFactors(t, from, u, to) {
			return u, true
		}
	}
	return nearest, false
}

func sameFactors(t float32, from Convention, u float32, to Convention) bool {
	for b := range 0x80 { // the sign changes the sign of both
		if s := fp8.E4M3FromBits(uint8(b)); !sameFloat(from.Factor(s, t), to.Factor(s, u)) {
			return false
		}
	}
	return true
}

// FirstDifference returns the index of the first block scale that has another Factor with u, in the
// convention to, than with t, in the convention from; -1 if none has. Any NaN is the same.
func FirstDifference(scales []fp8.E4M3, t float32, from Convention, u float32, to Convention) int {
	var differ [256]bool
	for b := range differ {
		s := fp8.E4M3FromBits(uint8(b))
		differ[b] = !sameFloat(from.Factor(s, t), to.Factor(s, u))
	}
	for i, s := range scales {
		if differ[s] {
			return i
		}
	}
	return -1
}

// sameFloat compares bits, NaN as one class.
func sameFloat(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

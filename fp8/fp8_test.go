package fp8_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/fp8"
)

// format is one of the two formats, with what the tests need to know from the specification.
type format struct {
	name              string
	mantissa, bias    int
	max, inf          uint8 // largest finite code; code of infinity, 0 for none
	sat, noSat        func(float32) uint8
	decode            func(uint8) float32
	isNaN, isFin, neg func(uint8) bool
	isInf             func(uint8, int) bool
}

var formats = []format{{
	name: "e4m3fn", mantissa: 3, bias: 7, max: 0x7E,
	sat:    func(f float32) uint8 { return fp8.E4M3FromFloat32(f).Bits() },
	noSat:  func(f float32) uint8 { return fp8.E4M3FromFloat32NoSat(f).Bits() },
	decode: func(b uint8) float32 { return fp8.E4M3FromBits(b).Float32() },
	isNaN:  func(b uint8) bool { return fp8.E4M3(b).IsNaN() },
	isInf:  func(b uint8, sign int) bool { return fp8.E4M3(b).IsInf(sign) },
	isFin:  func(b uint8) bool { return fp8.E4M3(b).IsFinite() },
	neg:    func(b uint8) bool { return fp8.E4M3(b).Signbit() },
}, {
	name: "e5m2", mantissa: 2, bias: 15, max: 0x7B, inf: 0x7C,
	sat:    func(f float32) uint8 { return fp8.E5M2FromFloat32(f).Bits() },
	noSat:  func(f float32) uint8 { return fp8.E5M2FromFloat32NoSat(f).Bits() },
	decode: func(b uint8) float32 { return fp8.E5M2FromBits(b).Float32() },
	isNaN:  func(b uint8) bool { return fp8.E5M2(b).IsNaN() },
	isInf:  func(b uint8, sign int) bool { return fp8.E5M2(b).IsInf(sign) },
	isFin:  func(b uint8) bool { return fp8.E5M2(b).IsFinite() },
	neg:    func(b uint8) bool { return fp8.E5M2(b).Signbit() },
}}

// magnitude is the oracle of decoding: the definition of the format, in float64, as if the
// exponents went on above the largest finite code.
func (f *format) magnitude(code int) float64 {
	e, m := code>>f.mantissa, code&(1<<f.mantissa-1)
	if e == 0 {
		return math.Ldexp(float64(m), 1-f.bias-f.mantissa)
	}
	return math.Ldexp(float64(m+1<<f.mantissa), e-f.bias-f.mantissa)
}

// encoder returns the oracle of encoding a magnitude: a search in the sorted magnitudes for the
// nearer one, of two for the even code. Past the largest finite one it continues to the next.
func (f *format) encoder() func(float64) uint8 {
	var values []float64
	for c := 0; c <= int(f.max)+1; c++ {
		values = append(values, f.magnitude(c))
	}
	return func(x float64) uint8 {
		hi, found := slices.BinarySearch(values, x)
		if found || hi == len(values) {
			return uint8(min(hi, len(values)-1))
		}
		down, up := x-values[hi-1], values[hi]-x
		if down < up || down == up && hi&1 == 1 {
			hi--
		}
		return uint8(hi)
	}
}

func TestDecode(t *testing.T) {
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			for c := range 256 {
				b, mag := uint8(c), uint8(c&0x7F)
				want := f.magnitude(int(mag))
				switch {
				case mag == f.inf && f.inf != 0:
					want = math.Inf(1)
				case mag > f.max:
					want = math.NaN()
				}
				want = math.Copysign(want, float64(1-c>>7*2))
				got := float64(f.decode(b))
				if !math.IsNaN(want) {
					assert.Equal(t, want, got, "%#02x", c)
					assert.Equal(t, b, f.noSat(f.decode(b)), "round trip")
				} else {
					assert.True(t, math.IsNaN(got), "%#02x", c)
				}
				assert.Equal(t, math.Signbit(want), math.Signbit(got), "%#02x", c)
				assert.Equal(t, math.Signbit(want), f.neg(b))
				assert.Equal(t, math.IsNaN(want), f.isNaN(b))
				assert.Equal(t, mag <= f.max, f.isFin(b))
				for sign := -1; sign <= 1; sign++ {
					assert.Equal(t, math.IsInf(want, sign), f.isInf(b, sign))
				}
			}
		})
	}
}

func TestEncodeNearest(t *testing.T) {
	step := uint64(1999) // a prime: about 2.1 million of the 2^32 inputs
	if testing.Short() {
		step = 65537
	}
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			nearest := f.encoder()
			for u := uint64(0); u < 1<<32; u += step {
				f.check(t, uint32(u), nearest)
			}
			for high := range uint32(1 << 16) { // all values and midpoints, with their neighbours
				for _, low := range []uint32{0, 1, 0xFFFF} {
					f.check(t, high<<16|low, nearest)
				}
			}
		})
	}
}

// TestEncodeAll walks all magnitudes from a quarter of the smallest value to four times the largest,
// in order, so that the code expected only ever rises: past the midpoint of two codes, or upon it if
// the lower code is odd. Signs and the rest of the range are TestEncodeNearest's.
func TestEncodeAll(t *testing.T) {
	if testing.Short() {
		t.Skip("up to 2^28 inputs: seconds")
	}
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			midpoint := func(code uint8) float32 {
				return float32((f.magnitude(int(code)) + f.magnitude(int(code)+1)) / 2)
			}
			first := math.Float32bits(float32(f.magnitude(1) / 4))
			last := math.Float32bits(float32(f.magnitude(int(f.max)) * 4))
			code, mid := uint8(0), midpoint(0)
			for u := first; u <= last; u++ {
				x := math.Float32frombits(u)
				for code <= f.max && (x > mid || x == mid && code&1 == 1) {
					code++
					mid = midpoint(code)
				}
				if f.sat(x) != min(code, f.max) || f.noSat(x) != code {
					t.Fatalf("%#08x (%v): want %#02x", u, x, code)
				}
			}
			require.Equal(t, f.max+1, code)
		})
	}
}

func (f *format) check(t *testing.T, u uint32, nearest func(float64) uint8) {
	x := math.Float32frombits(u)
	sign := uint8(u>>24) & 0x80
	sat, noSat := uint8(0x7F), 0x7F|sign // for NaN
	if x == x {
		code := nearest(math.Abs(float64(x)))
		sat, noSat = min(code, f.max)|sign, code|sign // max+1 is Inf in E5M2, NaN in E4M3
	}
	if got := f.sat(x); got != sat {
		t.Fatalf("%#08x (%v): got %#02x, want %#02x", u, x, got, sat)
	}
	if got := f.noSat(x); got != noSat {
		t.Fatalf("%#08x (%v), not saturating: got %#02x, want %#02x", u, x, got, noSat)
	}
}

func TestLimits(t *testing.T) {
	for f, code := range map[float32]fp8.E4M3{fp8.MaxE4M3: 0x7E, fp8.SmallestNormalE4M3: 0x08, fp8.SmallestNonzeroE4M3: 1} {
		assert.Equal(t, f, code.Float32())
	}
	for f, code := range map[float32]fp8.E5M2{fp8.MaxE5M2: 0x7B, fp8.SmallestNormalE5M2: 0x04, fp8.SmallestNonzeroE5M2: 1} {
		assert.Equal(t, f, code.Float32())
	}
}

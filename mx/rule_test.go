package mx

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLogarithms compares the rules that stand for logarithms rounded to float32 with those
// logarithms, near the mantissas where they change, for every exponent of a normal number.
func TestLogarithms(t *testing.T) {
	for e := -126; e <= 127; e++ {
		for _, near := range []int{0, 0x3504F4, 1 << mantissaBits} {
			for m := max(near-150, 0); m <= min(near+150, mantissaMask); m++ {
				b := math.Float32frombits(uint32(e+127)<<mantissaBits | uint32(m))
				log := float32(math.Log2(float64(b)))
				want := [3]int{int(math.Ceil(float64(log))), int(math.Floor(float64(log))), int(math.Floor(float64(log + 0.5)))}
				if got := [3]int{ceilLog2(b), floorLog2(b), floorLog2AndHalf(b)}; got != want {
					t.Fatalf("%x: ceil, floor, floor of the sum: got %v, want %v", b, got, want)
				}
			}
		}
	}
	for _, u := range []uint32{1, 2, 3, 0x0040_0000, 0x0040_000B, 0x0040_000C, 0x007F_FFFF} { // subnormal
		b := math.Float32frombits(u)
		log := float32(math.Log2(float64(b)))
		require.Equal(t, int(math.Ceil(float64(log))), ceilLog2(b), "ceil %x", b)
		require.Equal(t, int(math.Floor(float64(log))), floorLog2(b), "floor %x", b)
	}
}

// literal are the scales' exponents as their peers compute them, in float32 and with logarithms.
var literal = map[Recipe]func(e *element, b float32) float64{
	Default:           func(e *element, b float32) float64 { return floorLog(b) - float64(e.exponent) },
	RCeil:             func(e *element, b float32) float64 { return ceilLog(float64(b) / float64(e.max)) },
	TorchAOFloor:      func(e *element, b float32) float64 { return floorLog(b) - float64(e.exponent) },
	TorchAOCeil:       func(e *element, b float32) float64 { return ceilLog(float64(b)) - float64(e.exponent) },
	TorchAOEven:       func(e *element, b float32) float64 { return roundedLog(b, int(e.mantissa)) - float64(e.exponent) },
	TorchAORCeil:      func(e *element, b float32) float64 { return math.Ceil(log2f(b / e.max)) },
	ModelOpt:          func(e *element, b float32) float64 { return math.Ceil(log2f(b / e.max)) },
	CompressedTensors: func(e *element, b float32) float64 { return roundedLog(b, 1) - float64(e.exponent) },
	DeepGEMM: func(e *element, b float32) float64 {
		return ceilLog(float64(max(b, 1e-4) / e.max))
	},
	FBGEMMFloor: func(_ *element, b float32) float64 { return min(math.Floor(log2f(b))-2, 125) },
	FBGEMMCeil:  func(_ *element, b float32) float64 { return min(math.Ceil(log2f(b))-2, 125) },
	FBGEMMEven: func(_ *element, b float32) float64 {
		return min(math.Floor(log2f(math.Float32frombits(min(math.Float32bits(b)+1<<21-1, 0x7F80_0000))))-2, 125)
	},
	FBGEMMNearest: func(_ *element, b float32) float64 {
		return min(math.Floor(float64(float32(log2f(b))+0.5))-2, 125)
	},
	GGML:                func(_ *element, b float32) float64 { return math.Floor(log2f(b)) - 2 },
	MicroxcalingNearest: func(e *element, b float32) float64 { return math.Floor(log2f(b)) - float64(e.exponent) },
	MicroxcalingEven:    func(e *element, b float32) float64 { return math.Floor(log2f(b)) - float64(e.exponent) },
}

// log2f is the logarithm rounded to float32.
func log2f(x float32) float64 { return float64(float32(math.Log2(float64(x)))) }

func floorLog(x float32) float64 {
	_, e := math.Frexp(float64(x))
	return float64(e - 1)
}

func ceilLog(x float64) float64 {
	f, e := math.Frexp(x)
	if f == 0.5 {
		e--
	}
	return float64(e)
}

// roundedLog is the exponent of x rounded to a mantissa of some bits, ties up.
func roundedLog(x float32, bits int) float64 {
	f, e := math.Frexp(float64(x)) // 2f has the mantissa
	if math.Floor(f*math.Ldexp(1, bits+1)+0.5) == math.Ldexp(1, bits+1) {
		e++
	}
	return float64(e - 1)
}

// TestSteps compares the table that the kernels use with the definition of each recipe.
func TestSteps(t *testing.T) {
	step := uint32(1) // of the exponents
	if testing.Short() {
		step = 9
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for r := range Recipe(recipeCount) {
		for f := range Format(formatCount) {
			if r.Check(f) != nil {
				continue
			}
			s := r.scheme(f)
			test := func(u uint32) {
				b := math.Float32frombits(u)
				want := uint32(min(max(literal[r](s.element, b), -127), 127) + 127)
				if got := (u&mantissaMask + s.scale.Steps[u>>mantissaBits]) >> mantissaBits; got != want {
					t.Fatalf("%v %v: %x: byte %d, want %d", r, f, b, got, want)
				}
			}
			for e := uint32(0); e < 255; e += step {
				for _, near := range []uint32{0, 0x1F_FFFF, 0x20_0000, 0x3504F4, 0x40_0000, 0x5FFFFF, 0x60_0000, 0x70_0000, 0x7F_FFFF} {
					for d := range uint32(101) {
						if u := e<<mantissaBits + near + d - 50; int32(u) > 0 && u < 0x7F80_0000 {
							test(u)
						}
					}
				}
				for range 50 {
					test(max(e<<mantissaBits|rng.Uint32N(1<<mantissaBits), 1))
				}
			}
		}
	}
}

package fp8_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
)

// The oracle of quantization: each recipe as its documentation states it, in float64 with a rounding
// after each step, element by element. A quotient or product of two float32 that is rounded to float64
// first and then to float32 is rounded correctly.

// rounding rounds to a rounding floating-point format, ties to even.
type rounding struct {
	mantissa, minExp int
	max              float64 // what is above, once rounded, becomes infinite
	epsilon          float64
}

var (
	binary32  = rounding{23, -126, math.MaxFloat32, 0x1p-23}
	bfloat16  = rounding{7, -126, 0x1.FEp127, 0x1p-7}
	binary16  = rounding{10, -14, 65504, 0x1p-10}
	roundE4M3 = rounding{3, -6, 448, 0}
	roundE5M2 = rounding{2, -14, 57344, 0}
)

func (b rounding) round(x float64) float64 {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return x
	}
	_, e := math.Frexp(x)
	step := math.Ldexp(1, max(e-1, b.minExp)-b.mantissa)
	r := math.RoundToEven(x/step) * step
	if math.Abs(r) > b.max {
		return math.Copysign(math.Inf(1), x)
	}
	return r
}

// in rounds to float32 and then to the format.
func (b rounding) in(x float64) float64 { return b.round(f32(x)) }

func f32(x float64) float64 { return binary32.round(x) }

func powerOfTwo(e float64) float64 { return math.Ldexp(1, int(e)) }

// oracleScale returns Scale and what becomes of a value.
func oracleScale(r fp8.Recipe, a, m float64, in rounding) (scale float64, apply func(x float64) float64) {
	times := func(s float64) func(float64) float64 { return func(x float64) float64 { return f32(x * s) } }
	by := func(s float64) func(float64) float64 { return func(x float64) float64 { return f32(x / s) } }
	byIn := func(s float64) func(float64) float64 { return func(x float64) float64 { return in.in(x / s) } }
	atLeast := func(low float64) float64 {
		if a < low {
			return low
		}
		return a
	}
	switch r {
	case fp8.Default:
		s := f32(a / m)
		if s == 0 {
			s = 1
		}
		return s, by(s)
	case fp8.ModelOpt:
		s := in.in(a / m)
		return s, byIn(s)
	case fp8.CompressedTensors:
		s := in.in(a / m)
		if s == 0 {
			s = in.epsilon
		}
		return s, byIn(s)
	case fp8.TorchAO:
		s := in.in(a / m)
		return s, by(s)
	case fp8.TorchAOE8M0:
		s := in.in(a / m)
		if s > 0 && !math.IsInf(s, 0) {
			s = powerOfTwo(math.RoundToEven(in.in(math.Log2(s))))
		}
		return s, by(s)
	case fp8.TorchAOTraining, fp8.TorchAOTrainingPow2:
		s := f32(m / atLeast(1e-12))
		if r == fp8.TorchAOTrainingPow2 && s > 0 {
			s = powerOfTwo(math.Floor(f32(math.Log2(s))))
		}
		return s, times(s)
	case fp8.TransformerEngine, fp8.TransformerEnginePow2:
		s := f32(m / a)
		switch {
		case a == 0:
			s = 1
		case math.IsInf(s, 0):
			s = in.max
		}
		if r == fp8.TransformerEnginePow2 {
			if math.IsNaN(s) {
				s = 0.5
			} else if s > 0 {
				_, e := math.Frexp(s)
				s = powerOfTwo(float64(e - 1))
			}
		}
		return f32(1 / s), times(s)
	case fp8.DeepGEMM, fp8.DeepGEMMUE8M0:
		s := f32(atLeast(f32(1e-4)) / m)
		if r == fp8.DeepGEMMUE8M0 {
			if !(s <= 0x1p127) {
				s = 0x1p127
			}
			frac, e := math.Frexp(s)
			if frac == 0.5 {
				e--
			}
			s = max(powerOfTwo(float64(e)), 0x1p-126)
		}
		return s, times(f32(1 / s))
	case fp8.FBGEMM, fp8.FBGEMMGroup:
		tiny := f32(1e-12)
		if r == fp8.FBGEMM {
			tiny = in.in(1e-12)
		}
		s := f32(m * f32(1/atLeast(tiny)))
		if math.IsInf(s, 0) {
			s = 1
		}
		return f32(1 / s), times(s)
	}
	panic("no oracle for this recipe")
}

// tileOf returns which tile of the matrix element i is in.
func tileOf(tile fp8.Tile, rows, cols, i int) int {
	row, col := i/cols, i%cols
	switch tile {
	case fp8.PerTensor:
		return 0
	case fp8.PerRow:
		return row
	case fp8.Tile1x32:
		return row*((cols+31)/32) + col/32
	case fp8.Tile1x128:
		return row*((cols+127)/128) + col/128
	}
	return row/128*((cols+127)/128) + col/128
}

// oracleTensor quantizes values of the type that in rounds to.
func oracleTensor(x []float64, rows, cols int, r fp8.Recipe, tile fp8.Tile, f fp8.Format, in rounding) (codes []uint8, scales []float32) {
	var amax []float64
	for i, v := range x {
		k := tileOf(tile, rows, cols, i)
		for len(amax) <= k {
			amax = append(amax, 0)
		}
		amax[k] = max(amax[k], math.Abs(v)) // keeps NaN
	}
	format, m := roundE4M3, 448.0
	if f == fp8.FormatE5M2 {
		format, m = roundE5M2, 57344
	}
	byValue := map[uint64]uint8{}
	for c := range 256 {
		v := fp8.E4M3(c).Float32()
		if f == fp8.FormatE5M2 {
			v = fp8.E5M2(c).Float32()
		}
		byValue[math.Float64bits(float64(v))] = uint8(c)
	}
	apply := make([]func(float64) float64, len(amax))
	for k, a := range amax {
		var s float64
		s, apply[k] = oracleScale(r, a, m, in)
		scales = append(scales, float32(s))
	}
	for i, v := range x {
		y := apply[tileOf(tile, rows, cols, i)](v)
		code := uint8(0x7F)
		if !math.IsNaN(y) {
			y = format.round(math.Copysign(min(math.Abs(y), m), y))
			var ok bool
			code, ok = byValue[math.Float64bits(y)]
			if !ok {
				panic(fmt.Sprint("not a value: ", y))
			}
		}
		codes = append(codes, code)
	}
	return codes, scales
}

// nastyMatrix has tiles of ordinary numbers, of huge and tiny ones, of zeros and of one kind of
// subnormal, and if wild some with infinities and NaNs.
func nastyMatrix(rng *rand.Rand, rows, cols int, wild bool) []float32 {
	x := make([]float32, rows*cols)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
		switch i / cols % 8 {
		case 1:
			x[i] *= 0x1p-20
		case 2:
			x[i] *= 0x1p100
		case 3:
			x[i] = float32(math.Copysign(0, float64(x[i])))
		case 4:
			x[i] = float32(math.Copysign(1e-40, float64(x[i])))
		case 5:
			x[i] = float32(math.RoundToEven(float64(x[i]) * 4)) // ties, and equal magnitudes
		case 6:
			x[i] *= 0x1p-140
		}
		if wild && rng.IntN(3*cols) == 0 {
			x[i] = []float32{inf, -inf, nan, math.MaxFloat32}[rng.IntN(4)]
		}
	}
	return x
}

func forEachKind(f func(r fp8.Recipe, tile fp8.Tile, format fp8.Format)) {
	for _, r := range fp8.Recipes() {
		for _, tile := range fp8.Tiles() {
			for format := fp8.FormatE4M3; format <= fp8.FormatE5M2; format++ {
				if r.Check(tile, format) == nil {
					f(r, tile, format)
				}
			}
		}
	}
}

var sizes = []struct{ rows, cols int }{{1, 1}, {16, 128}, {9, 200}, {131, 300}, {3, 1500}, {8, 31}}

func TestOracle(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for i, size := range sizes {
		if testing.Short() && size.rows*size.cols > 5000 {
			continue // golden vectors have such sizes
		}
		x := nastyMatrix(rng, size.rows, size.cols, i%2 == 1)
		half, ieee := make([]bf16.BF16, len(x)), make([]float16.Float16, len(x))
		bf16.Encode(half, x)
		wide, wideBF16, wideFP16 := make([]float64, len(x)), make([]float64, len(x)), make([]float64, len(x))
		for i, f := range x {
			ieee[i] = float16.Fromfloat32(f)
			wide[i], wideBF16[i], wideFP16[i] = float64(f), float64(half[i].Float32()), float64(ieee[i].Float32())
		}
		forEachKind(func(r fp8.Recipe, tile fp8.Tile, format fp8.Format) {
			t.Run(fmt.Sprintf("%v/%v/%v/%dx%d", r, tile, format, size.rows, size.cols), func(t *testing.T) {
				got := fp8.New(size.rows, size.cols, r, tile, format)
				check := func(x []float64, in rounding, quantize func()) {
					t.Helper()
					codes, scales := oracleTensor(x, size.rows, size.cols, r, tile, format, in)
					kerneltest.EachLevel(t, func(t *testing.T) {
						clear(got.Codes)
						clear(got.Scales)
						quantize()
						for i, s := range scales {
							if !golden.SameFloat(s, got.Scales[i]) {
								t.Fatalf("scale %d: %v, want %v", i, got.Scales[i], s)
							}
						}
						for i, c := range codes {
							if got.Codes[i] != c {
								t.Fatalf("code %d of %v, scale %v: %#02x, want %#02x", i, x[i],
									got.Scales[tileOf(tile, size.rows, size.cols, i)], got.Codes[i], c)
							}
						}
					})
				}
				check(wide, binary32, func() { fp8.Quantize(got, x, fp8.AMax(x)) })
				check(wideBF16, bfloat16, func() { fp8.QuantizeBF16(got, half, fp8.AMaxBF16(half)) })
				check(wideFP16, binary16, func() { fp8.QuantizeFP16(got, ieee, fp8.AMaxFP16(ieee)) })
			})
		})
	}
}

func TestOracleCoversGolden(t *testing.T) {
	for name, o := range oracles {
		require.NoError(t, o.recipe.Check(o.tile, o.format), name)
	}
	require.Len(t, fp8.Recipes(), 13)
}

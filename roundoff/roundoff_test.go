package roundoff_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/fp4"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/roundoff"
)

// magnitudes returns a format's numbers from 0 up, and the one that would follow the largest.
func magnitudes(exponentBits, mantissaBits, bias, codes int) (all []float64, next float64) {
	for code := range codes + 1 {
		e, m := code>>mantissaBits, code&(1<<mantissaBits-1)
		x := math.Ldexp(float64(m), 1-bias-mantissaBits)
		if e > 0 {
			x = math.Ldexp(float64(m+1<<mantissaBits), e-bias-mantissaBits)
		}
		all = append(all, x)
	}
	return all[:codes], all[codes]
}

var formats = map[roundoff.Element]func() ([]float64, float64){
	roundoff.E2M1: func() ([]float64, float64) { return magnitudes(2, 1, 1, 8) },
	roundoff.E2M3: func() ([]float64, float64) { return magnitudes(2, 3, 1, 32) },
	roundoff.E3M2: func() ([]float64, float64) { return magnitudes(3, 2, 3, 32) },
	roundoff.E4M3: func() ([]float64, float64) { return magnitudes(4, 3, 7, 0x7F) },
	roundoff.E5M2: func() ([]float64, float64) { return magnitudes(5, 2, 15, 0x7C) },
}

// nearest is the oracle's code: the number nearest to |q|, saturating; ties go down.
func nearest(all []float64, q float64) float64 {
	best := all[0]
	for _, m := range all {
		if math.Abs(math.Abs(q)-m) < math.Abs(math.Abs(q)-best) {
			best = m
		}
	}
	return math.Copysign(best, q)
}

// expected counts by brute force over midpoints, and sums in exact arithmetic.
func expected(all []float64, next float64, x, decoded []float32, unit float32) roundoff.Summary {
	var s roundoff.Summary
	noise, signal := new(big.Float).SetPrec(2000), new(big.Float).SetPrec(2000)
	for i := range x {
		s.Values++
		v, d := float64(x[i]), float64(decoded[i])
		if math.IsNaN(v-d) || math.IsInf(v-d, 0) {
			s.NonFinite++
			continue
		}
		square := func(sum *big.Float, v float64) {
			b := new(big.Float).SetPrec(2000).SetFloat64(v)
			sum.Add(sum, b.Mul(b, b))
		}
		square(noise, v-d)
		square(signal, v)
		s.MaxError = max(s.MaxError, math.Abs(v-d))
		if v != 0 && d == 0 {
			s.Flushed++
		}
		q := math.Abs(v) / float64(unit)
		if q > (all[len(all)-1]+next)/2 && !math.IsInf(q, 0) {
			s.Saturated++
		}
		for j := range all[1:] {
			if middle := (all[j] + all[j+1]) / 2; math.Abs(q-middle) <= 0x1p-20*middle {
				s.NearTies++
			}
		}
	}
	n := float64(max(s.Values-s.NonFinite, 1))
	mse, _ := noise.Float64()
	power, _ := signal.Float64()
	s.MSE, s.Power = mse/n, power/n
	return s
}

// same compares figures; sums within float64's rounding of 1000 terms.
func same(t *testing.T, want, got roundoff.Summary) {
	t.Helper()
	assert.InDelta(t, want.MSE, got.MSE, 1e-13*want.MSE)
	assert.InDelta(t, want.Power, got.Power, 1e-13*want.Power)
	got.MSE, got.Power = want.MSE, want.Power
	assert.Equal(t, want, got)
}

func TestStats(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for e, format := range formats {
		all, next := format()
		for _, unit := range []float32{1, 0.3, 0x1p-127, 1e-40, 3e30, 0, float32(math.NaN()), float32(math.Inf(1))} {
			var x []float32
			for i, m := range append(all, next) { // numbers, midpoints, and what is near them
				low := 0.0
				if i > 0 {
					low = all[i-1]
				}
				for _, factor := range []float64{1, 1 + 0x1p-23, 1 + 0x1p-21, 1 + 0x1p-18, 1 - 0x1p-21, 1 - 0x1p-18, -1} {
					x = append(x, float32(m*float64(unit)*factor), float32((m+low)/2*float64(unit)*factor))
				}
			}
			for range 300 {
				x = append(x, float32(rng.NormFloat64()*float64(unit)*all[len(all)-1]/2))
			}
			x = append(x, 0, float32(math.Inf(1)), float32(math.NaN()), 1e-45, math.MaxFloat32, -math.MaxFloat32)
			decoded := make([]float32, len(x))
			for i, v := range x {
				decoded[i] = float32(nearest(all, float64(v)/float64(unit)) * float64(unit))
			}
			var s roundoff.Stats
			s.Add(x, decoded, unit, e)
			want := expected(all, next, x, decoded, unit)
			if unit == 0 || unit != unit || math.IsInf(float64(unit), 0) {
				want.Saturated, want.NearTies = 0, 0
			}
			t.Run(fmt.Sprintf("%d by %v", e, unit), func(t *testing.T) { same(t, want, s.Summary()) })
		}
	}
}

// TestFormats holds the grids against the packages that implement them.
func TestFormats(t *testing.T) {
	all, _ := formats[roundoff.E2M1]()
	for code, m := range all {
		assert.Equal(t, m, float64(fp4.E2M1(code).Float32()))
	}
	all, _ = formats[roundoff.E4M3]()
	for code, m := range all {
		assert.Equal(t, m, float64(fp8.E4M3(code).Float32()))
	}
	all, _ = formats[roundoff.E5M2]()
	for code, m := range all {
		assert.Equal(t, m, float64(fp8.E5M2(code).Float32()))
	}
}

func TestStatsByHand(t *testing.T) {
	var s roundoff.Stats
	// In units of 2: 0.5 → 0.5, 0.125 → 0, a tie → 2, beyond 7 → 6, below 7 → 6.
	x := []float32{1, 0.25, 5, -16, 13}
	decoded := []float32{1, 0, 4, -12, 12}
	s.Add(x, decoded, 2, roundoff.E2M1)
	assert.Equal(t, roundoff.Summary{Values: 5, Saturated: 1, Flushed: 1, NearTies: 1, MaxError: 4,
		MSE: (0.0625 + 1 + 16 + 1) / 5, Power: (1 + 0.0625 + 25 + 256 + 169) / 5}, s.Summary())
	assert.InDelta(t, 10*math.Log10(s.Summary().Power/s.Summary().MSE), s.Summary().SQNR(), 1e-12)

	assert.Equal(t, roundoff.Summary{}, new(roundoff.Stats).Summary())
	assert.Zero(t, roundoff.Summary{}.SQNR())
	assert.True(t, math.IsInf(roundoff.Summary{Power: 1}.SQNR(), 1))
	assert.True(t, math.IsInf(roundoff.Summary{MSE: 1}.SQNR(), -1))

	assert.Panics(t, func() { s.Add(x, decoded[1:], 1, roundoff.E2M1) })
	assert.Panics(t, func() { s.Add(x, decoded, 1, 99) })
}

// TestMerge splits atoms of wildly different size in every way.
func TestMerge(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	type atom struct {
		x, decoded []float32
		unit       float32
	}
	atoms := make([]atom, 400)
	for i := range atoms {
		a := atom{make([]float32, 16), make([]float32, 16), float32(math.Ldexp(1, rng.IntN(250)-126))}
		for j := range a.x {
			a.x[j] = float32(rng.NormFloat64()) * a.unit
			a.decoded[j] = float32(math.Round(rng.NormFloat64())) * a.unit
		}
		atoms[i] = a
	}
	var want roundoff.Stats
	for _, a := range atoms {
		want.Add(a.x, a.decoded, a.unit, roundoff.E2M1)
	}
	for range 20 {
		rng.Shuffle(len(atoms), func(i, j int) { atoms[i], atoms[j] = atoms[j], atoms[i] })
		var parts [7]roundoff.Stats
		for i, a := range atoms {
			parts[i%7].Add(a.x, a.decoded, a.unit, roundoff.E2M1)
		}
		var got roundoff.Stats
		for i := range parts {
			got.Merge(&parts[i])
		}
		require.Equal(t, want, got)
	}
}

// TestExtremes: the largest squares, many times over, and the smallest beside them.
func TestExtremes(t *testing.T) {
	var s roundoff.Stats
	const n = 1 << 16
	x, decoded := make([]float32, n), make([]float32, n)
	for i := range x {
		x[i], decoded[i] = math.MaxFloat32, -math.MaxFloat32
	}
	s.Add(x, decoded, 1, roundoff.E2M1)
	s.Add([]float32{math.SmallestNonzeroFloat32}, []float32{0}, 1, roundoff.E2M1)
	sum := s.Summary()
	assert.InEpsilon(t, 4*math.MaxFloat32*math.MaxFloat32*n/(n+1), sum.MSE, 1e-13)

	var tiny roundoff.Stats
	for range 3 {
		tiny.Add([]float32{math.SmallestNonzeroFloat32}, []float32{0}, 1, roundoff.E2M1)
	}
	assert.Equal(t, 0x1p-298, tiny.Summary().MSE)
	assert.Equal(t, int64(3), tiny.Summary().Flushed)
}

func TestAddDoesNotAllocate(t *testing.T) {
	var s, o roundoff.Stats
	x := make([]float32, 16)
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		s.Add(x, x, 1, roundoff.E4M3)
		o.Merge(&s)
		_ = o.Summary()
	}))
}

func FuzzAdd(f *testing.F) {
	f.Add(uint32(0x3F800000), uint32(0), uint32(1), uint8(0))
	f.Fuzz(func(t *testing.T, x, decoded, unit uint32, e uint8) {
		element := roundoff.Element(e % 5)
		all, next := formats[element]()
		v, d, u := math.Float32frombits(x), math.Float32frombits(decoded), math.Float32frombits(unit)
		var s roundoff.Stats
		s.Add([]float32{v}, []float32{d}, u, element)
		if !(u > 0) || math.IsInf(float64(u), 0) {
			return
		}
		for i := range all[1:] { // the distance is known within a hundredth
			middle := (all[i] + all[i+1]) / 2
			if r := math.Abs(math.Abs(float64(v))/float64(u)-middle) / (roundoff.NearTie * middle); 0.98 < r && r < 1.02 {
				return
			}
		}
		same(t, expected(all, next, []float32{v}, []float32{d}, u), s.Summary())
	})
}

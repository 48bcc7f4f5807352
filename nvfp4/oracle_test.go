package nvfp4_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
	"github.com/trueup-rl/trueup/nvfp4"
)

// The oracle below spells the recipes out from their documentation, in float64 with a rounding after
// each operation, and rounds to formats by looking for the nearest of all values. Sums, products and
// quotients of two float32 in float64 round to float32 as the exact ones do.

// f rounds to float32.
func f(x float64) float64 { return float64(float32(x)) }

// b rounds to BF16 what is a float32.
func b(x float64) float64 { return float64(bf16.FromFloat32(float32(x)).Float32()) }

// nearest returns the index of the value nearest to x, of two the one that prefer says.
func nearest(x float64, values []float64, prefer func(i int) bool) int {
	best := 0
	for i, v := range values {
		d, least := math.Abs(v-x), math.Abs(values[best]-x)
		if d < least || d == least && prefer(i) {
			best = i
		}
	}
	return best
}

func even(i int) bool  { return i%2 == 0 }
func never(i int) bool { return false }

var e4m3Values, e2m1Values = func() (v8, v4 []float64) {
	for i := range 127 {
		v8 = append(v8, float64(fp8.E4M3(i).Float32()))
	}
	return v8, []float64{0, 0.5, 1, 1.5, 2, 3, 4, 6}
}()

func e4m3(x float64) int { return nearest(min(x, 448), e4m3Values, even) }

// e2m1 returns a code, ties as prefer says, with the sign of v if it is below 0.
func e2m1(v float64, prefer func(i int) bool) int {
	c := nearest(min(math.Abs(v), 8), e2m1Values, prefer)
	if v < 0 {
		c |= 8
	}
	return c
}

func signed(code int) float64 {
	v := e2m1Values[code&7]
	if code >= 8 {
		v = -v
	}
	return v
}

// tile is the values of a tile, or the one row of a block.
type tile [][]float64

func (x tile) amax() (m float64) {
	for _, row := range x {
		for _, v := range row {
			m = max(m, math.Abs(v))
		}
	}
	return m
}

// codes returns each value's code.
func (x tile) codes(code func(v float64) int) (c [][]int) {
	for _, row := range x {
		r := make([]int, len(row))
		for i, v := range row {
			r[i] = code(v)
		}
		c = append(c, r)
	}
	return c
}

// spell returns the scale and the codes of a tile for a finite a > 0; inBF16 says that the input is in
// BF16.
func spell(r nvfp4.Recipe, x tile, a float64, inBF16 bool) (scale int, codes [][]int) {
	m := x.amax()
	round := f
	if inBF16 {
		round = b
	}
	te := func(v float64) float64 { return min(v, math.MaxFloat32) }
	switch r {
	case nvfp4.Default, nvfp4.ModelOpt:
		g := f(a / 2688)
		q := f(m / f(6*g))
		if q == 0 || r == nvfp4.Default && m == 0 {
			q = 1
		}
		s := e4m3(max(q, 0x1p-9))
		return s, x.codes(func(v float64) int { return e2m1(f(v/f(e4m3Values[s]*g)), even) })

	case nvfp4.TransformerEngine, nvfp4.TransformerEngineTile, nvfp4.TransformerEngineRowScaled,
		nvfp4.FlashInferTE, nvfp4.FlashInferTEPerToken:
		big := te(f(2688 / a))
		s := e4m3(f(m * f(big*f(1.0/6))))
		mult := te(f(1 / f(e4m3Values[s]*f(1/big))))
		return s, x.codes(func(v float64) int { return e2m1(f(v*mult), even) })

	case nvfp4.TransformerEngine4Over6MSE256:
		return teFourOverSix(x, m, a, 256, square, false)
	case nvfp4.TransformerEngine4Over6MSE256Tile:
		return teFourOverSix(x, m, a, 256, square, false)
	case nvfp4.TransformerEngine4Over6MSE448:
		return teFourOverSix(x, m, a, 448, square, false)
	case nvfp4.TransformerEngine4Over6MSE448Fast:
		return teFourOverSix(x, m, a, 448, square, true)
	case nvfp4.TransformerEngine4Over6MAE256:
		return teFourOverSix(x, m, a, 256, math.Abs, false)
	case nvfp4.TransformerEngine4Over6MAE448:
		return teFourOverSix(x, m, a, 448, math.Abs, false)

	case nvfp4.CompressedTensors:
		g := round(2688 * round(1/max(a, 0x1p-126)))
		s := e4m3(f(g * round(m/6)))
		if s == 0 {
			s = 0x20
		}
		return s, x.codes(func(v float64) int { return e2m1(f(v/f(e4m3Values[s]/g)), even) })

	case nvfp4.TorchAOTwoLevel, nvfp4.TorchAOOneLevel:
		s, mult := 0, 0.0
		if r == nvfp4.TorchAOTwoLevel {
			g := f(a / 2688)
			s = e4m3(max(f(f(m/6)/g), 0x1p-6))
			mult = f(f(1/g) / e4m3Values[s])
		} else {
			s = e4m3(max(f(m/6), 0x1p-6))
			mult = f(1 / e4m3Values[s])
		}
		return s, x.codes(func(v float64) int {
			c := e2m1(f(v*mult), even)
			if math.Signbit(v) {
				c |= 8
			}
			return c
		})

	case nvfp4.FlashInferReference:
		g := f(2688 * f(1/a))
		s := e4m3(f(g * f(m*f(1.0/6))))
		mult := 0.0
		if p := f(e4m3Values[s] * f(1/g)); p != 0 {
			mult = f(1 / p)
		}
		return s, x.codes(func(v float64) int { return e2m1(f(v*mult), even) })

	case nvfp4.GGML:
		q, s := f(m/6), 0
		switch {
		case q < 0x1p-6:
			s = min(int(f(q*512)+0.5), 7)
		case q >= 248:
			s = 0x7E
		default:
			s = nearest(q, e4m3Values, func(int) bool { return true }) // the last
		}
		return s, x.codes(func(v float64) int {
			best, least := 0, math.Inf(1)
			for c := range 16 {
				if d := math.Abs(f(signed(c)*e4m3Values[s] - v)); d < least {
					best, least = c, d
				}
			}
			return best
		})

	case nvfp4.FourOverSixMSE, nvfp4.FourOverSixMSETile:
		return fourOverSix(x, m, a, square, false)
	case nvfp4.FourOverSixMAE:
		return fourOverSix(x, m, a, math.Abs, false)
	case nvfp4.FourOverSixAbsMax:
		return fourOverSix(x, m, a, math.Abs, true)
	case nvfp4.FourOverSixStatic6, nvfp4.FourOverSixStatic6Tile:
		big := f(2688 / a)
		s := e4m3(f(f(m/6) * big))
		return s, x.codes(unclamped(s, big))
	case nvfp4.FourOverSixStatic4:
		big := f(1792 / a)
		s := e4m3(f(f(m/4) * big))
		return s, x.codes(unclamped(s, big))

	case nvfp4.OptimalMSE:
		s := e4m3(f(m / 6))
		code := func(s int) func(v float64) int {
			return func(v float64) int {
				if v == 0 {
					return 0
				}
				return e2m1(f(v/e4m3Values[s]), never)
			}
		}
		sse := func(s int) (sum float64) {
			e := make([]float64, 16)
			for i, v := range x[0] {
				e[i] = square(f(v - f(signed(code(s)(v))*e4m3Values[s])))
			}
			for i := range 8 {
				sum = f(sum + f(e[i]+e[i+8]))
			}
			return sum
		}
		if s != 0 {
			least := sse(s)
			for try := 1; try < 127; try++ {
				if e := sse(try); e < least {
					s, least = try, e
				}
			}
		}
		return s, x.codes(code(s))
	}
	panic(r)
}

func square(d float64) float64 { return f(d * d) }

func teFourOverSix(x tile, m, a, full float64, e func(d float64) float64, fast bool) (int, [][]int) {
	big := min(f(6*full/a), math.MaxFloat32)
	var scales [2]int
	var codes [2][][]int
	var errors [2]float64
	for i, expand := range []float64{1, 1.5} {
		s := e4m3(f(f(f(m/6)*big) * expand))
		mult := min(f(1/f(e4m3Values[s]*f(1/big))), math.MaxFloat32)
		scales[i], codes[i] = s, x.codes(func(v float64) int { return e2m1(f(v*mult), even) })
		rows := make([]float64, 16)
		for r, row := range x {
			for j, v := range row {
				q := f(signed(codes[i][r][j]) * e4m3Values[s])
				if fast {
					rows[r] = f(rows[r] + e(f(q-f(v*big))))
				} else {
					rows[r] = f(rows[r] + e(f(f(f(q*a)/(6*full))-v)))
				}
			}
		}
		for n := 8; n > 0; n /= 2 {
			for r := range n {
				rows[r] = f(rows[r] + rows[r+n])
			}
		}
		errors[i] = rows[0]
	}
	if errors[1] < errors[0] {
		return scales[1], codes[1]
	}
	return scales[0], codes[0]
}

// unclamped returns fouroversix's codes.
func unclamped(s int, big float64) func(v float64) int {
	mult := 0.0
	if s != 0 {
		mult = f(1 / f(f(1/big)*e4m3Values[s]))
	}
	return func(v float64) int {
		if v = f(v * mult); math.Abs(v) >= 7 && math.Abs(v) <= 9 {
			return 8
		}
		return e2m1(v, even)
	}
}

func fourOverSix(x tile, m, a float64, e func(d float64) float64, largest bool) (int, [][]int) {
	big := f(1536 / a)
	var scales [2]int
	var codes [2][][]int
	var errors [2]float64
	for i, expand := range []float64{1, 1.5} {
		s := e4m3(f(f(f(m/6)*big) * expand))
		scales[i], codes[i] = s, x.codes(unclamped(s, big))
		var all []float64
		for r, row := range x {
			for j, v := range row {
				q := signed(codes[i][r][j])
				if codes[i][r][j] == 8 && s != 0 && math.Abs(f(v*f(1/f(f(1/big)*e4m3Values[s])))) >= 7 {
					q = math.Copysign(8, v)
				}
				all = append(all, e(f(f(f(f(q*e4m3Values[s])*a)/1536)-v)))
			}
		}
		switch {
		case largest:
			for _, v := range all {
				errors[i] = max(errors[i], v)
			}
		case len(all) == 16:
			for j := range 8 {
				errors[i] = f(errors[i] + f(all[j]+all[j+8]))
			}
		default:
			acc := make([]float64, 32)
			for j, v := range all {
				acc[j%32] = f(acc[j%32] + v)
			}
			for j := range 8 {
				errors[i] = f(errors[i] + f(f(f(acc[j]+acc[j+8])+acc[j+16])+acc[j+24]))
			}
		}
	}
	if errors[1] < errors[0] {
		return scales[1], codes[1]
	}
	return scales[0], codes[0]
}

// oracleInput returns a 32 × 48 matrix whose row r is of kind r%8 and has values of BF16.
func oracleInput(rng *rand.Rand) []float32 {
	x := make([]float32, 32*48)
	for i := range x {
		v := rng.NormFloat64()
		switch i / 48 % 8 {
		case 1:
			v = float64(rng.IntN(25)-12) / 4 // ties
		case 2:
			v *= math.Exp2(float64(rng.IntN(30) - 20)) // underflow of scales
		case 3:
			if rng.IntN(16) > 0 {
				v = 0
			}
		case 4:
			v *= math.Exp2(-9 + rng.Float64())
		case 5:
			v *= 0x1p-16
		case 6:
			v *= 40
		}
		x[i] = bf16.FromFloat32(float32(v)).Float32()
	}
	x[7] = float32(math.Copysign(0, -1))
	return x
}

func TestOracle(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		const rows, cols = 32, 48
		rng := rand.New(rand.NewPCG(9, 9))
		for range 2 {
			x := oracleInput(rng)
			exact := make([]bf16.BF16, len(x))
			bf16.Encode(exact, x)
			noisy := make([]float32, len(x))
			for i := range x {
				noisy[i] = x[i] * float32(1+rng.Float64()/3)
			}
			amax := nvfp4.AMax(x) * float32(1+rng.IntN(3))
			for _, r := range recipes {
				t.Run(r.String(), func(t *testing.T) {
					got := nvfp4.New(rows, cols, r)
					nvfp4.Quantize(got, x, amax)
					requireSpelled(t, got, x, amax, false)
					nvfp4.QuantizeBF16(got, exact, amax)
					requireSpelled(t, got, x, amax, true)
					nvfp4.Quantize(got, noisy, nvfp4.AMax(noisy))
					requireSpelled(t, got, noisy, nvfp4.AMax(noisy), false)
				})
			}
		}
	})
}

// requireSpelled holds codes and scales against spell.
func requireSpelled(t *testing.T, got *nvfp4.Tensor, x []float32, amax float32, inBF16 bool) {
	height := 1
	if got.Recipe.Tiled() {
		height = 16
	}
	for r0 := 0; r0 < got.Rows; r0 += height {
		for c0 := 0; c0 < got.Cols; c0 += 16 {
			var part tile
			for r := r0; r < r0+height; r++ {
				row := make([]float64, 16)
				for j := range row {
					row[j] = float64(x[r*got.Cols+c0+j])
				}
				part = append(part, row)
			}
			a := float64(amax)
			if got.Recipe.PerRow() {
				a = float64(nvfp4.AMax(x[r0*got.Cols:][:got.Cols]))
			}
			if a == 0 {
				continue
			}
			scale, codes := spell(got.Recipe, part, a, inBF16)
			for i, row := range codes {
				block := ((r0+i)*got.Cols + c0) / 16
				require.Equal(t, scale, int(got.Scales[block].Bits()), "row %d, column %d: scale", r0+i, c0)
				for j, c := range row {
					require.Equal(t, c, int(got.Codes[8*block+j/2]>>(j%2*4)&15), "row %d, column %d: code of %v, scale %#x",
						r0+i, c0+j, part[i][j], scale)
				}
			}
		}
	}
}

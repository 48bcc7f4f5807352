package mx_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp4"
	"github.com/trueup-rl/trueup/fp6"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
	"github.com/trueup-rl/trueup/mx"
)

var (
	inf = float32(math.Inf(1))
	nan = float32(math.NaN())
)

// each calls f for every recipe and format that it has.
func each(f func(r mx.Recipe, format mx.Format)) {
	for r := mx.Default; r <= mx.MicroxcalingEven; r++ {
		for format := mx.E4M3; format <= mx.E2M1; format++ {
			if r.Check(format) == nil {
				f(r, format)
			}
		}
	}
}

func quantized(x []float32, rows, cols int, r mx.Recipe, f mx.Format) *mx.Tensor {
	t := mx.New(rows, cols, r, f)
	mx.Quantize(t, x)
	return t
}

func dequantized(t *mx.Tensor) []float32 {
	y := make([]float32, t.Rows*t.Cols)
	mx.Dequantize(y, t)
	return y
}

// block returns a block that begins with x.
func block(x ...float32) []float32 { return append(x, make([]float32, mx.BlockSize-len(x))...) }

func normal(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * math.Exp(3*rng.NormFloat64()))
	}
	return x
}

// value is the definition of a code, in float64.
func value(f mx.Format, t *mx.Tensor, i int) float64 {
	switch f {
	case mx.E4M3:
		return float64(fp8.E4M3(t.Codes[i]).Float32())
	case mx.E5M2:
		return float64(fp8.E5M2(t.Codes[i]).Float32())
	case mx.E2M3:
		return float64(fp6.E2M3(t.Codes[i]).Float32())
	case mx.E3M2:
		return float64(fp6.E3M2(t.Codes[i]).Float32())
	}
	return float64(fp4.E2M1(t.Codes[i/2] >> (i % 2 * 4)).Float32())
}

// TestDequantize compares with the definition, for random codes and scales.
func TestDequantize(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	kerneltest.EachLevel(t, func(t *testing.T) {
		for format := mx.E4M3; format <= mx.E2M1; format++ {
			x := mx.New(70, 64, mx.Default, format)
			for i := range x.Codes {
				x.Codes[i] = byte(rng.Uint32())
			}
			for i := range x.Scales {
				x.Scales[i] = fp8.E8M0(rng.Uint32())
			}
			half := make([]bf16.BF16, 70*64)
			mx.DequantizeBF16(half, x)
			for i, y := range dequantized(x) {
				want := float32(value(format, x, i) * float64(x.Scales[i/32].Float32()))
				if math.Float32bits(y) != math.Float32bits(want) && (y == y || want == want) {
					t.Fatalf("%v: code %v, scale %#x: %x, want %x", format, value(format, x, i), x.Scales[i/32], y, want)
				}
				if w := bf16.FromFloat32(want); half[i] != w && want == want {
					t.Fatalf("%v: BF16 %#x, want %#x", format, half[i], w)
				}
			}
		}
	})
}

// TestNearest: whatever the recipe, no value of the format times the scale is nearer than the one taken.
func TestNearest(t *testing.T) {
	x := normal(32*96, 3)
	each(func(r mx.Recipe, f mx.Format) {
		q := quantized(x, 32, 96, r, f)
		y := dequantized(q)
		for i, x := range x {
			scale := float64(q.Scales[i/32].Float32())
			diff := math.Abs(float64(x) - float64(y[i]))
			if math.Abs(float64(x)) >= float64(f.Max())*scale {
				if math.Abs(float64(y[i])) != float64(f.Max())*scale {
					t.Fatalf("%v %v: %v gives %v with scale %v", r, f, x, y[i], scale)
				}
				continue
			}
			if step := neighbour(f, float64(y[i])/scale) * scale; diff > step/2*(1+1e-6) {
				t.Fatalf("%v %v: %v gives %v with scale %v: off by %v, step %v", r, f, x, y[i], scale, diff, step)
			}
		}
	})
}

// neighbour returns the distance of the value v of a format from the next one of larger magnitude.
func neighbour(f mx.Format, v float64) float64 {
	mantissa := map[mx.Format]int{mx.E4M3: 3, mx.E5M2: 2, mx.E2M3: 3, mx.E3M2: 2, mx.E2M1: 1}[f]
	least := map[mx.Format]int{mx.E4M3: -6, mx.E5M2: -14, mx.E2M3: 0, mx.E3M2: -2, mx.E2M1: 0}[f]
	_, e := math.Frexp(v)
	if v == 0 {
		e = least
	}
	return math.Ldexp(1, max(e-1, least)-mantissa)
}

// TestSpecials holds what every recipe makes of zeros, NaN, infinities and subnormal numbers.
func TestSpecials(t *testing.T) {
	kerneltest.EachLevel(t, func(t *testing.T) {
		each(func(r mx.Recipe, f mx.Format) {
			name := fmt.Sprint(r, " ", f)
			// Eight blocks of each, so that all kernels take part.
			repeat := func(b []float32) []float32 {
				var x []float32
				for range 8 {
					x = append(x, b...)
				}
				return x
			}
			run := func(b []float32) (*mx.Tensor, []float32) {
				q := quantized(repeat(b), 8, 32, r, f)
				return q, dequantized(q)
			}

			_, y := run(block())
			require.Equal(t, make([]float32, 8*32), y, name) // -0 equals 0
			negZero := float32(math.Copysign(0, -1))
			_, y = run(block(negZero, 1))
			require.Zero(t, y[0], name)

			q, y := run(block(1, nan, -2, inf))
			for i, y := range y {
				if !q.Scales[i/32].IsNaN() || y == y {
					t.Fatalf("%s: scale %#x, value %v", name, q.Scales[i/32], y)
				}
			}
			q, y = run(block(1, -inf, inf, -2))
			for i := 0; i < len(y); i += 32 {
				require.False(t, q.Scales[i/32].IsNaN(), name)
				require.Less(t, y[i+1], float32(-0x1p127), name)
				require.Equal(t, -y[i+1], y[i+2], name)
				require.Zero(t, y[i], name)
			}
			_, y = run(block(math.SmallestNonzeroFloat32, -0x1p-127))
			for _, y := range y {
				if math.Abs(float64(y)) > 0x1p-126 {
					t.Fatalf("%s: %x", name, y)
				}
			}
			_, y = run(block(math.MaxFloat32, -math.MaxFloat32))
			require.GreaterOrEqual(t, y[0], float32(0x1p127), name)
		})
	})
}

// TestScales holds bytes of scales of single maxima that the recipes differ in.
func TestScales(t *testing.T) {
	next := func(x float32, n int) float32 { return math.Float32frombits(math.Float32bits(x) + uint32(n)) }
	type row struct {
		b    float32
		want map[mx.Recipe]uint8
	}
	rules := []mx.Recipe{mx.TorchAOFloor, mx.TorchAOCeil, mx.TorchAOEven, mx.RCeil, mx.CompressedTensors, mx.FBGEMMEven}
	of := func(bytes ...uint8) map[mx.Recipe]uint8 {
		m := map[mx.Recipe]uint8{}
		for i, b := range bytes {
			m[rules[i]] = b
		}
		return m
	}
	for f, rows := range map[mx.Format][]row{
		mx.E2M1: {
			{4, of(127, 127, 127, 127, 127, 127)},
			{5, of(127, 128, 127, 127, 127, 127)},
			{6, of(127, 128, 127, 127, 127, 127)},
			{6.0000005, of(127, 128, 127, 128, 127, 127)},
			{7, of(127, 128, 128, 128, 128, 128)},
			{3.5, of(126, 127, 127, 127, 127, 126)},
			{8, of(128, 128, 128, 128, 128, 128)},
			{0, map[mx.Recipe]uint8{mx.Default: 0, mx.DeepGEMM: 112, mx.GGML: 0, mx.FBGEMMCeil: 0, mx.ModelOpt: 0}},
			// Some floats above 6·2^k: log2 rounds to k.
			{next(6*0x1p-30, 8), map[mx.Recipe]uint8{mx.RCeil: 98, mx.TorchAORCeil: 97, mx.ModelOpt: 97, mx.DeepGEMM: 112}},
			{next(6*0x1p-30, 9), map[mx.Recipe]uint8{mx.RCeil: 98, mx.TorchAORCeil: 98, mx.ModelOpt: 98}},
			{next(6*0x1p100, 33), map[mx.Recipe]uint8{mx.RCeil: 228, mx.TorchAORCeil: 227, mx.ModelOpt: 227, mx.DeepGEMM: 228}},
			{next(6*0x1p100, 34), map[mx.Recipe]uint8{mx.RCeil: 228, mx.TorchAORCeil: 228}},
			// Some floats below a power of two.
			{next(0x1p100, -44), map[mx.Recipe]uint8{mx.Default: 224, mx.GGML: 225, mx.FBGEMMFloor: 225, mx.MicroxcalingEven: 225}},
			{next(0x1p100, -45), map[mx.Recipe]uint8{mx.GGML: 224, mx.FBGEMMFloor: 224, mx.MicroxcalingEven: 224}},
			{inf, map[mx.Recipe]uint8{mx.Default: 253, mx.RCeil: 254, mx.ModelOpt: 254, mx.FBGEMMCeil: 252, mx.GGML: 253}},
			{nan, map[mx.Recipe]uint8{mx.Default: 255, mx.ModelOpt: 255, mx.GGML: 255, mx.CompressedTensors: 255}},
			{1e-40, map[mx.Recipe]uint8{mx.GGML: 0}}, // not wrapped around
		},
		mx.E4M3: {
			{447.9999, of(127, 128, 127, 127, 127)},
			{448, of(127, 128, 127, 127, 128)},
			{449, of(127, 128, 127, 128, 128)},
			{495, of(127, 128, 127, 128, 128)},
			{496, of(127, 128, 128, 128, 128)},
			{512, of(128, 128, 128, 128, 128)},
			{0, map[mx.Recipe]uint8{mx.DeepGEMM: 105}},
		},
	} {
		for _, row := range rows {
			for r, want := range row.want {
				q := quantized(block(row.b), 1, 32, r, f)
				assert.Equal(t, want, q.Scales[0].Bits(), "%v %v of %x", r, f, row.b)
			}
		}
	}
}

// TestSmallestScale: TorchAO divides by 2^-126 where it stores 2^-127.
func TestSmallestScale(t *testing.T) {
	x := block(0x1p-125, -0x1p-126)
	for r, want := range map[mx.Recipe]float32{mx.Default: 0x1p-125, mx.RCeil: 0x1p-125, mx.TorchAOFloor: 0x1p-126, mx.ModelOpt: 0x1p-125} {
		q := quantized(x, 1, 32, r, mx.E2M1)
		assert.Zero(t, q.Scales[0], r)
		assert.Equal(t, want, dequantized(q)[0], r)
	}
}

// TestCodes holds codes that the recipes differ in, with scale 1.
func TestCodes(t *testing.T) {
	negZero := float32(math.Copysign(0, -1))
	x := block(6, -0.1, negZero, 0.25, -0.25, 0.75, 1.25, -1.75, 2.5, 3.5, 5, 0.1)
	for r, want := range map[mx.Recipe][]uint8{
		mx.Default:             {7, 8, 8, 0, 8, 2, 2, 12, 4, 6, 6, 0, 0},
		mx.ModelOpt:            {7, 8, 8, 0, 8, 1, 2, 11, 4, 5, 6, 0, 8},
		mx.CompressedTensors:   {7, 8, 0, 0, 8, 2, 2, 12, 4, 6, 6, 0, 0},
		mx.DeepGEMM:            {7, 0, 0, 0, 0, 1, 2, 11, 4, 5, 6, 0, 0},
		mx.FBGEMMFloor:         {7, 8, 8, 1, 9, 2, 3, 12, 5, 6, 7, 0, 0},
		mx.GGML:                {7, 0, 0, 0, 0, 1, 2, 11, 4, 5, 6, 0, 0},
		mx.MicroxcalingNearest: {7, 8, 0, 1, 9, 2, 3, 12, 5, 6, 7, 0, 0},
		mx.MicroxcalingEven:    {7, 8, 0, 0, 8, 2, 2, 12, 4, 6, 6, 0, 0},
	} {
		q := quantized(x, 1, 32, r, mx.E2M1)
		require.Equal(t, uint8(127), q.Scales[0].Bits(), r)
		for i, w := range want {
			assert.Equal(t, w, q.Codes[i/2]>>(i%2*4)&0xF, "%v of %v", r, x[i])
		}
	}
}

// TestTypes: values that BF16 and FP16 hold give the same as in float32, but for the documented
// recipe.
func TestTypes(t *testing.T) {
	const rows, cols = 33, 96
	x := normal(rows*cols, 4)
	b, h := make([]bf16.BF16, len(x)), make([]float16.Float16, len(x))
	bf16.Encode(b, x)
	fromB, fromH := make([]float32, len(x)), make([]float32, len(x))
	bf16.Decode(fromB, b)
	for i := range h {
		h[i] = float16.Fromfloat32(x[i])
		fromH[i] = h[i].Float32()
	}
	kerneltest.EachLevel(t, func(t *testing.T) {
		each(func(r mx.Recipe, f mx.Format) {
			got := mx.New(rows, cols, r, f)
			mx.QuantizeBF16(got, b)
			require.Equal(t, quantized(fromB, rows, cols, r, f), got, "%v %v", r, f)
			mx.QuantizeFP16(got, h)
			require.Equal(t, quantized(fromH, rows, cols, r, f), got, "%v %v", r, f)
		})
	})
	// CompressedTensors divides in BF16: -2^-10/2^125 is -0 there.
	tiny := block(0x1.8p127, -0x1p-10)
	bf16.Encode(b[:32], tiny)
	q := quantized(tiny, 1, 32, mx.CompressedTensors, mx.E2M1)
	assert.Equal(t, uint8(0x87), q.Codes[0])
	mx.QuantizeBF16(q, b[:32])
	assert.Equal(t, uint8(0x07), q.Codes[0])
}

// TestSizes compares rows of any number of columns with the rows padded, and with each other, and
// FakeQuantize with Quantize and Dequantize.
func TestSizes(t *testing.T) {
	each(func(r mx.Recipe, f mx.Format) {
		for _, rows := range []int{0, 1, 3} {
			for _, cols := range []int{0, 1, 31, 32, 33, 64, 95, 2048, 2049, 2080 + 5} {
				x := normal(rows*cols, uint64(cols))
				width := mx.RowScales(cols) * 32
				wide := make([]float32, rows*width)
				for i := range rows {
					copy(wide[i*width:], x[i*cols:][:cols])
				}
				got, want := quantized(x, rows, cols, r, f), quantized(wide, rows, width, r, f)
				require.Equal(t, want.Codes, got.Codes, "%v %v %d×%d", r, f, rows, cols)
				require.Equal(t, want.Scales, got.Scales, "%v %v %d×%d", r, f, rows, cols)
				for i := range rows {
					row := quantized(x[i*cols:][:cols], 1, cols, r, f)
					require.Equal(t, got.Codes[i*len(row.Codes):][:len(row.Codes)], row.Codes)
				}
				y := dequantized(got)
				mx.FakeQuantize(x, x, rows, cols, r, f)
				require.Equal(t, y, x, "%v %v %d×%d", r, f, rows, cols)
			}
			if r > mx.Default {
				break // one size per recipe is enough
			}
		}
	})
}

func TestPanics(t *testing.T) {
	x := make([]float32, 64)
	ok := func() *mx.Tensor { return mx.New(2, 32, mx.Default, mx.E4M3) }
	for name, f := range map[string]func(){
		"negative rows":  func() { mx.New(-1, 32, mx.Default, mx.E4M3) },
		"negative cols":  func() { mx.New(1, -32, mx.Default, mx.E4M3) },
		"format":         func() { mx.New(1, 32, mx.Default, 5) },
		"recipe":         func() { mx.New(1, 32, 200, mx.E4M3) },
		"lacks format":   func() { mx.New(1, 32, mx.GGML, mx.E5M2) },
		"values":         func() { mx.Quantize(ok(), x[1:]) },
		"codes":          func() { q := ok(); q.Codes = q.Codes[1:]; mx.Quantize(q, x) },
		"scales":         func() { q := ok(); q.Scales = q.Scales[1:]; mx.Dequantize(x, q) },
		"fake":           func() { mx.FakeQuantize(x, x[1:], 2, 32, mx.Default, mx.E4M3) },
		"fake recipe":    func() { mx.FakeQuantize(x, x, 2, 32, mx.GGML, mx.E4M3) },
		"max of unknown": func() { mx.Format(9).Max() },
	} {
		assert.Panics(t, f, name)
	}
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for r := mx.Default; r <= mx.MicroxcalingEven; r++ {
		name := r.String()
		assert.Regexp(t, "^[a-z0-9]+(-[a-z0-9]+)*$", name)
		assert.False(t, seen[name])
		seen[name] = true
		text, err := r.MarshalText()
		require.NoError(t, err)
		var back mx.Recipe
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, r, back)
	}
	for f := mx.E4M3; f <= mx.E2M1; f++ {
		text, err := f.MarshalText()
		require.NoError(t, err)
		var back mx.Format
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, f, back)
	}
	assert.Equal(t, "Recipe(200)", mx.Recipe(200).String())
	assert.Equal(t, "Format(9)", mx.Format(9).String())
	_, err := mx.Recipe(200).MarshalText()
	assert.Error(t, err)
	_, err = mx.Format(9).MarshalText()
	assert.Error(t, err)
	r, f := mx.GGML, mx.E5M2
	assert.Error(t, r.UnmarshalText([]byte("nothing")))
	assert.Error(t, f.UnmarshalText([]byte("nothing")))
	assert.Equal(t, mx.GGML, r)
	assert.Equal(t, mx.E5M2, f)
}

func TestCheck(t *testing.T) {
	assert.NoError(t, mx.Default.Check(mx.E3M2))
	assert.EqualError(t, mx.Recipe(200).Check(mx.E4M3), "mx: no recipe 200")
	assert.EqualError(t, mx.Default.Check(9), "mx: no format 9")
	assert.EqualError(t, mx.ModelOpt.Check(mx.E5M2), "mx: recipe modelopt does not give e5m2, but [e4m3 e2m1]")
}

func TestAllocs(t *testing.T) {
	const rows, cols = 3, 2080
	x := normal(rows*cols, 5)
	b, h := make([]bf16.BF16, len(x)), make([]float16.Float16, len(x))
	each(func(r mx.Recipe, f mx.Format) {
		q := mx.New(rows, cols, r, f)
		ragged := mx.New(rows, cols-1, r, f)
		assert.Zero(t, testing.AllocsPerRun(2, func() {
			mx.Quantize(q, x)
			mx.Quantize(ragged, x[rows:])
			mx.QuantizeBF16(q, b)
			mx.QuantizeFP16(q, h)
			mx.Dequantize(x, q)
			mx.DequantizeBF16(b, q)
			mx.FakeQuantize(x, x, rows, cols, r, f)
		}), "%v %v", r, f)
	})
}

// FuzzDequantize decodes any bytes, as float32 and as BF16.
func FuzzDequantize(f *testing.F) {
	f.Add([]byte{0, 0x7F, 0xFF, 0x7C, 1, 2, 3}, uint8(1), uint8(5))
	f.Fuzz(func(t *testing.T, data []byte, format, cols uint8) {
		q := mx.New(3, int(cols), mx.Default, mx.Format(format%5))
		for i := range q.Codes {
			if len(data) > 0 {
				q.Codes[i] = data[i%len(data)]
			}
		}
		for i := range q.Scales {
			if len(data) > 0 {
				q.Scales[i] = fp8.E8M0(data[(i*7+3)%len(data)])
			}
		}
		y, half := dequantized(q), make([]bf16.BF16, 3*int(cols))
		mx.DequantizeBF16(half, q)
		for i, y := range y {
			if b := bf16.FromFloat32(y); b != half[i] && y == y {
				t.Fatalf("%v: %#x, want %#x", y, half[i], b)
			}
		}
	})
}

// FuzzQuantize quantizes any floats by any recipe.
func FuzzQuantize(f *testing.F) {
	f.Add(uint32(0x7F80_0000), uint32(0xFFC0_0000), uint32(1), uint8(0))
	f.Add(uint32(0x40C0_0001), uint32(0x80000000), uint32(0x7F7F_FFFF), uint8(5))
	f.Fuzz(func(t *testing.T, a, b, c uint32, n uint8) {
		x := block(math.Float32frombits(a), math.Float32frombits(b), math.Float32frombits(c))
		each(func(r mx.Recipe, format mx.Format) {
			q := quantized(x, 1, 32, r, format)
			isNaN := x[0] != x[0] || x[1] != x[1] || x[2] != x[2]
			require.Equal(t, isNaN, q.Scales[0].IsNaN())
			for _, y := range dequantized(q) {
				require.Equal(t, isNaN, y != y)
			}
		})
	})
}

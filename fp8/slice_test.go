package fp8_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
)

var inf, nan = float32(math.Inf(1)), float32(math.NaN())

func TestSlices(t *testing.T) {
	src := []float32{0, 1, -1000, inf}
	e4m3 := []fp8.E4M3{9, 9, 9, 9, 9, 9}
	e5m2 := []fp8.E5M2{9, 9, 9, 9, 9, 9}
	dec := []float32{9, 9, 9, 9, 9, 9}

	fp8.EncodeE4M3(e4m3[1:5], src)
	assert.Equal(t, []fp8.E4M3{9, 0, 0x38, 0xFE, 0x7E, 9}, e4m3)
	fp8.DecodeE4M3(dec[1:5], e4m3[1:5])
	assert.Equal(t, []float32{9, 0, 1, -448, 448, 9}, dec)
	fp8.EncodeE4M3NoSat(e4m3[1:5], src)
	assert.Equal(t, []fp8.E4M3{9, 0, 0x38, 0xFF, 0x7F, 9}, e4m3)

	fp8.EncodeE5M2(e5m2[1:5], src)
	assert.Equal(t, []fp8.E5M2{9, 0, 0x3C, 0xE4, 0x7B, 9}, e5m2)
	fp8.DecodeE5M2(dec[1:5], e5m2[1:5])
	assert.Equal(t, []float32{9, 0, 1, -1024, 57344, 9}, dec)
	fp8.EncodeE5M2NoSat(e5m2[1:5], src)
	assert.Equal(t, []fp8.E5M2{9, 0, 0x3C, 0xE4, 0x7C, 9}, e5m2)
}

// TestLongSlices compares with the scalar functions, which the other tests
// check, on slices that reach the kernels.
func TestLongSlices(t *testing.T) {
	const n, s = 1 << 16, 0.3
	x, b, h := make([]float32, n), make([]bf16.BF16, n), make([]float16.Float16, n)
	for i := range n {
		x[i] = math.Float32frombits(uint32(i) * 0x1_0001)
		b[i], h[i] = bf16.FromBits(uint16(i)), float16.Frombits(uint16(i))
	}
	kerneltest.EachLevel(t, func(t *testing.T) {
		p, q, dec := make([]fp8.E4M3, n), make([]fp8.E5M2, n), make([]float32, n)
		check := func(want func(i int) (fp8.E4M3, fp8.E5M2)) {
			t.Helper()
			for i := range n {
				if p4, q4 := want(i); p[i] != p4 || q[i] != q4 {
					t.Fatalf("element %d: got %#02x and %#02x, want %#02x and %#02x", i, p[i], q[i], p4, q4)
				}
			}
		}
		scaled := func(value func(i int) float32) func(i int) (fp8.E4M3, fp8.E5M2) {
			return func(i int) (fp8.E4M3, fp8.E5M2) {
				y := value(i) / s
				return fp8.E4M3FromFloat32(y), fp8.E5M2FromFloat32(y)
			}
		}
		fp8.EncodeE4M3(p, x)
		fp8.EncodeE5M2(q, x)
		check(func(i int) (fp8.E4M3, fp8.E5M2) { return fp8.E4M3FromFloat32(x[i]), fp8.E5M2FromFloat32(x[i]) })
		fp8.QuantizeE4M3(p, x, s)
		fp8.QuantizeE5M2(q, x, s)
		check(scaled(func(i int) float32 { return x[i] }))
		fp8.QuantizeE4M3FP16(p, h, s)
		fp8.QuantizeE5M2FP16(q, h, s)
		check(scaled(func(i int) float32 { return h[i].Float32() }))
		fp8.QuantizeE4M3BF16(p, b, s)
		fp8.QuantizeE5M2BF16(q, b, s)
		check(scaled(func(i int) float32 { return b[i].Float32() }))

		same := func(i int, want float32) {
			t.Helper()
			if dec[i] != want && (dec[i] == dec[i] || want == want) {
				t.Fatalf("element %d: got %v, want %v", i, dec[i], want)
			}
		}
		fp8.DequantizeE4M3(dec, p, s)
		for i := range n {
			same(i, p[i].Float32()*s)
		}
		fp8.DequantizeE5M2(dec, q, s)
		for i := range n {
			same(i, q[i].Float32()*s)
		}
	})
}

func TestQuantizeSlices(t *testing.T) {
	x := []float32{0, 1, -1000, inf}
	b := make([]bf16.BF16, 4)
	bf16.Encode(b, x)
	h := []float16.Float16{float16.Fromfloat32(0), float16.Fromfloat32(1), float16.Fromfloat32(-1000), float16.Inf(1)}
	e4m3 := []fp8.E4M3{9, 9, 9, 9, 9, 9}
	e5m2 := []fp8.E5M2{9, 9, 9, 9, 9, 9}
	dec := []float32{9, 9, 9, 9, 9, 9}

	for _, quantize := range []func(){
		func() { fp8.QuantizeE4M3(e4m3[1:5], x, 4) },
		func() { fp8.QuantizeE4M3BF16(e4m3[1:5], b, 4) },
		func() { fp8.QuantizeE4M3FP16(e4m3[1:5], h, 4) },
	} {
		clear(e4m3[1:5])
		quantize()
		assert.Equal(t, []fp8.E4M3{9, 0, 0x28, 0xF8, 0x7E, 9}, e4m3) // 0, 0.25, -250 → -256, Inf → 448
		assert.Zero(t, testing.AllocsPerRun(10, quantize))
	}
	fp8.DequantizeE4M3(dec[1:5], e4m3[1:5], 4)
	assert.Equal(t, []float32{9, 0, 1, -1024, 1792, 9}, dec)

	for _, quantize := range []func(){
		func() { fp8.QuantizeE5M2(e5m2[1:5], x, 4) },
		func() { fp8.QuantizeE5M2BF16(e5m2[1:5], b, 4) },
		func() { fp8.QuantizeE5M2FP16(e5m2[1:5], h, 4) },
	} {
		clear(e5m2[1:5])
		quantize()
		assert.Equal(t, []fp8.E5M2{9, 0, 0x34, 0xDC, 0x7B, 9}, e5m2)
		assert.Zero(t, testing.AllocsPerRun(10, quantize))
	}
	fp8.DequantizeE5M2(dec[1:5], e5m2[1:5], 4)
	assert.Equal(t, []float32{9, 0, 1, -1024, 4 * 57344, 9}, dec)
}

func TestLengths(t *testing.T) {
	f, b, h := make([]float32, 2), make([]bf16.BF16, 2), make([]float16.Float16, 2)
	q, r := make([]fp8.E4M3, 3), make([]fp8.E5M2, 3)
	for i, call := range []func(){
		func() { fp8.EncodeE4M3(q, f) },
		func() { fp8.EncodeE4M3NoSat(q, f) },
		func() { fp8.DecodeE4M3(f, q) },
		func() { fp8.EncodeE5M2(r, f) },
		func() { fp8.EncodeE5M2NoSat(r, f) },
		func() { fp8.DecodeE5M2(f, r) },
		func() { fp8.QuantizeE4M3(q, f, 1) },
		func() { fp8.QuantizeE4M3BF16(q, b, 1) },
		func() { fp8.QuantizeE4M3FP16(q, h, 1) },
		func() { fp8.DequantizeE4M3(f, q, 1) },
		func() { fp8.QuantizeE5M2(r, f, 1) },
		func() { fp8.QuantizeE5M2BF16(r, b, 1) },
		func() { fp8.QuantizeE5M2FP16(r, h, 1) },
		func() { fp8.DequantizeE5M2(f, r, 1) },
	} {
		assert.PanicsWithValue(t, "fp8: lengths of dst and src differ", call, i)
	}
}

func TestAllocs(t *testing.T) {
	const n = 2000
	f, b, h := make([]float32, n), make([]bf16.BF16, n), make([]float16.Float16, n)
	q, r := make([]fp8.E4M3, n), make([]fp8.E5M2, n)
	kerneltest.EachLevel(t, func(t *testing.T) {
		assert.Zero(t, testing.AllocsPerRun(10, func() {
			fp8.EncodeE4M3(q, f)
			fp8.EncodeE4M3NoSat(q, f)
			fp8.DecodeE4M3(f, q)
			fp8.QuantizeE4M3BF16(q, b, fp8.ScaleE4M3(fp8.AMaxBF16(b)))
			fp8.QuantizeE4M3FP16(q, h, fp8.ScaleE4M3(fp8.AMaxFP16(h)))
			fp8.EncodeE5M2(r, f)
			fp8.EncodeE5M2NoSat(r, f)
			fp8.DecodeE5M2(f, r)
			fp8.QuantizeE5M2BF16(r, b, 3)
			fp8.QuantizeE5M2FP16(r, h, 3)
			fp8.DequantizeE4M3(f, q, fp8.ScaleE4M3(fp8.AMax(f)))
			fp8.DequantizeE5M2(f, r, fp8.ScaleE5M2(fp8.AMax(f)))
		}))
	})
}

func TestAMax(t *testing.T) {
	for _, c := range []struct {
		x    []float32
		want float32
	}{
		{nil, 0},
		{[]float32{float32(math.Copysign(0, -1))}, 0},
		{[]float32{1, -3, 2}, 3},
		{[]float32{1, -inf, 2}, inf},
		{[]float32{1, -inf, -nan, 2}, nan},
		{[]float32{-0x1p-133, 0x1p-134}, 0x1p-133},
	} {
		b, h := make([]bf16.BF16, len(c.x)), make([]float16.Float16, len(c.x))
		for i, f := range c.x {
			b[i], h[i] = bf16.FromFloat32(f), float16.Fromfloat32(f)
		}
		same := func(want, got float32) {
			t.Helper()
			require.True(t, got == want || got != got && want != want, "%v: %v", c.x, got)
		}
		same(c.want, fp8.AMax(c.x))
		same(c.want, fp8.AMaxBF16(b))
		same(float16.Fromfloat32(c.want).Float32(), fp8.AMaxFP16(h)) // the tiny ones are zero in FP16
	}
}

func TestScale(t *testing.T) {
	assert.Equal(t, float32(1), fp8.ScaleE4M3(448))
	assert.Equal(t, float32(1), fp8.ScaleE5M2(57344))
	assert.Equal(t, float32(1), fp8.ScaleE4M3(0))
	assert.Equal(t, float32(1), fp8.ScaleE5M2(0))
	assert.Equal(t, float32(1), fp8.ScaleE4M3(math.SmallestNonzeroFloat32))
	assert.Equal(t, inf, fp8.ScaleE4M3(inf))
	assert.True(t, math.IsNaN(float64(fp8.ScaleE4M3(nan))))

	// What cannot be carried decodes to NaN everywhere.
	for _, bad := range []float32{inf, -inf, nan} {
		x := []float32{1, bad, 0}
		q, s := make([]fp8.E4M3, 3), fp8.ScaleE4M3(fp8.AMax(x))
		fp8.QuantizeE4M3(q, x, s)
		fp8.DequantizeE4M3(x, q, s)
		for _, f := range x {
			assert.True(t, math.IsNaN(float64(f)))
		}
	}
}

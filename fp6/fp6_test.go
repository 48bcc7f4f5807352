package fp6_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/fp6"
	"github.com/trueup-rl/trueup/internal/golden"
)

// format is one of the two for tests, as plain functions.
type format struct {
	name           string
	exponent, bias int
	encode         func(float32) uint8
	decode         func(uint8) float32
}

var formats = []format{
	{"e2m3", 2, 1, func(f float32) uint8 { return fp6.E2M3FromFloat32(f).Bits() }, func(c uint8) float32 { return fp6.E2M3(c).Float32() }},
	{"e3m2", 3, 3, func(f float32) uint8 { return fp6.E3M2FromFloat32(f).Bits() }, func(c uint8) float32 { return fp6.E3M2(c).Float32() }},
}

// value is the definition, in float64.
func (f format) value(c int) float64 {
	mbits := 5 - f.exponent
	e, m := c&0x1F>>mbits, c&(1<<mbits-1)
	v := math.Ldexp(float64(m), 1-f.bias-mbits)
	if e > 0 {
		v = math.Ldexp(1+math.Ldexp(float64(m), -mbits), e-f.bias)
	}
	if c&0x20 != 0 {
		return -v
	}
	return v
}

// nearest goes through all codes.
func (f format) nearest(x float32) uint8 {
	mag := min(math.Abs(float64(x)), f.value(0x1F))
	best, diff := 0, math.Inf(1)
	for c := range 0x20 {
		d := math.Abs(mag - f.value(c))
		if d < diff || d == diff && c%2 == 0 {
			best, diff = c, d
		}
	}
	if math.Signbit(float64(x)) {
		best |= 0x20
	}
	return uint8(best)
}

func TestValues(t *testing.T) {
	for _, f := range formats {
		for c := range 256 {
			v := f.decode(uint8(c))
			assert.Equal(t, f.value(c&0x3F), float64(v), "%s %#x", f.name, c)
			assert.Equal(t, c&0x20 != 0, math.Signbit(float64(v)), "%s %#x", f.name, c)
			assert.Equal(t, uint8(c&0x3F), f.encode(v), "%s %#x", f.name, c)
		}
	}
	assert.Equal(t, fp6.E2M3(0x21), fp6.E2M3FromBits(0xE1))
	assert.Equal(t, fp6.E3M2(0x21), fp6.E3M2FromBits(0xE1))
	assert.True(t, fp6.E2M3(0x20).Signbit())
	assert.False(t, fp6.E3M2(0xDF).Signbit())
}

// TestNearest compares with the search at all BF16 values, and at the floats around the midpoints.
func TestNearest(t *testing.T) {
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			test := func(u uint32) {
				x := math.Float32frombits(u)
				want := f.nearest(x)
				if x != x {
					want = 0x1F
				}
				require.Equal(t, want, f.encode(x), "%x", x)
			}
			for b := range uint32(1 << 16) {
				test(b << 16)
			}
			for c := range 0x1F {
				mid := math.Float32bits(float32((f.value(c) + f.value(c+1)) / 2))
				for u := mid - 2; u <= mid+2; u++ {
					test(u)
					test(u | 1<<31)
				}
			}
		})
	}
}

func TestSlices(t *testing.T) {
	x := []float32{0, 1, -1, 0.3, 1e9, float32(math.Inf(-1)), float32(math.NaN())}
	a, b, back := make([]fp6.E2M3, len(x)), make([]fp6.E3M2, len(x)), make([]float32, len(x))
	fp6.EncodeE2M3(a, x)
	fp6.DecodeE2M3(back, a)
	assert.Equal(t, []float32{0, 1, -1, 0.25, 7.5, -7.5, 7.5}, back)
	fp6.EncodeE3M2(b, x)
	fp6.DecodeE3M2(back, b)
	assert.Equal(t, []float32{0, 1, -1, 0.3125, 28, -28, 28}, back)
	for _, f := range []func(){
		func() { fp6.EncodeE2M3(a[1:], x) }, func() { fp6.DecodeE2M3(back[1:], a) },
		func() { fp6.EncodeE3M2(b[1:], x) }, func() { fp6.DecodeE3M2(back[1:], b) },
		func() { fp6.PackSlice(make([]byte, 5), a) }, func() { fp6.UnpackSlice(a, make([]byte, 7)) },
	} {
		assert.Panics(t, f)
	}
	packed := make([]byte, fp6.EncodedLen(len(x)))
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		fp6.EncodeE2M3(a, x)
		fp6.PackSlice(packed, a)
		fp6.UnpackSlice(a, packed)
		fp6.DecodeE2M3(back, a)
	}))
}

func TestPack(t *testing.T) {
	// One code's six bits at a time: aaaabbbb ddddcccc aabbddcc.
	assert.Equal(t, [3]byte{0xF0, 0, 0xC0}, fp6.Pack(0xFF, 0, 0, 0))
	assert.Equal(t, [3]byte{0x0F, 0, 0x30}, fp6.Pack(0, 0xFF, 0, 0))
	assert.Equal(t, [3]byte{0, 0x0F, 0x03}, fp6.Pack(0, 0, 0xFF, 0))
	assert.Equal(t, [3]byte{0, 0xF0, 0x0C}, fp6.Pack(0, 0, 0, 0xFF))
	for n := range 12 {
		codes, back := make([]fp6.E3M2, n), make([]fp6.E3M2, n)
		for i := range codes {
			codes[i] = fp6.E3M2(i*37+n) & 0x3F
		}
		packed := make([]byte, fp6.EncodedLen(n))
		fp6.PackSlice(packed, codes)
		fp6.UnpackSlice(back, packed)
		assert.Equal(t, codes, back)
	}
}

// FuzzUnpack packs again what any bytes unpack to.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte{1, 2, 3, 0xFF, 0xFE, 0xFD})
	f.Fuzz(func(t *testing.T, data []byte) {
		data = data[:len(data)/3*3]
		codes, again := make([]fp6.E2M3, len(data)/3*4), make([]byte, len(data))
		fp6.UnpackSlice(codes, data)
		values := make([]float32, len(codes))
		fp6.DecodeE2M3(values, codes)
		fp6.EncodeE2M3(codes, values)
		fp6.PackSlice(again, codes)
		assert.Equal(t, data, again)
	})
}

// TestGolden compares with ml_dtypes and torchao, but for NaN, which the formats do not have.
func TestGolden(t *testing.T) {
	for _, f := range formats {
		golden.EachElem(t, func(t *testing.T, _ string, in []float32, want []uint32) {
			for i, w := range want {
				if in == nil {
					require.Equal(t, w, math.Float32bits(f.decode(uint8(i))), "%#x", i)
				} else if got := f.encode(in[i]); uint32(got) != w && in[i] == in[i] {
					t.Fatalf("%x: got %#x, want %#x", in[i], got, w)
				}
			}
		}, f.name)
	}
}

func ExampleE3M2FromFloat32() {
	q := fp6.E3M2FromFloat32(0.3)
	fmt.Printf("%#x %v\n", q.Bits(), q.Float32())
	// Output: 0x5 0.3125
}

package bf16_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/internal/kernel/kerneltest"
)

// value is the oracle of decoding: the definition of the format, in float64.
func value(bits uint16) float64 {
	sign := 1.0
	if bits>>15 != 0 {
		sign = -1
	}
	e, m := int(bits>>7&0xFF), float64(bits&0x7F)
	switch e {
	case 0:
		return sign * math.Ldexp(m, -126-7)
	case 0xFF:
		if m != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(128+m, e-127-7)
}

func TestDecodeAll(t *testing.T) {
	for i := range 1 << 16 {
		b := bf16.FromBits(uint16(i))
		want := value(uint16(i))
		got := float64(b.Float32())
		if !(got == want && math.Signbit(got) == math.Signbit(want) || math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("%#04x: got %v, want %v", i, got, want)
		}
		ok := b.Bits() == uint16(i) && b.Signbit() == (i>>15 == 1) && b.IsNaN() == math.IsNaN(want) &&
			b.IsFinite() == !(math.IsNaN(want) || math.IsInf(want, 0))
		for sign := -1; sign <= 1; sign++ {
			ok = ok && b.IsInf(sign) == math.IsInf(want, sign)
		}
		if !ok {
			t.Fatalf("%#04x: a predicate is wrong", i)
		}
		back := b // the round trip, which makes a NaN quiet
		if b.IsNaN() {
			back |= 0x40
		}
		if got := bf16.FromFloat32(b.Float32()); got != back {
			t.Fatalf("%#04x: round trip gives %#04x", i, got)
		}
	}
}

func TestLimits(t *testing.T) {
	assert.Equal(t, bf16.BF16(0x7F7F), bf16.FromFloat32(bf16.Max))
	assert.Equal(t, bf16.BF16(0x0080), bf16.FromFloat32(bf16.SmallestNormal))
	assert.Equal(t, bf16.BF16(0x0001), bf16.FromFloat32(bf16.SmallestNonzero))
	assert.Equal(t, bf16.FromFloat32(1)+1, bf16.FromFloat32(1+bf16.Epsilon))
}

// TestEncodeNearest compares with a search in the sorted list of values: the nearer neighbour, the
// even code on a tie, and the infinity above the midpoint of the largest value and the next power.
func TestEncodeNearest(t *testing.T) {
	values := make([]float64, 0x7F81)
	for i := range values {
		values[i] = value(uint16(i))
	}
	values[0x7F80] = 0x1p128 // where the next value would be
	nearest := func(x float64) uint16 {
		hi, found := slices.BinarySearch(values, x)
		if found || hi == len(values) {
			return uint16(min(hi, 0x7F80))
		}
		down, up := x-values[hi-1], values[hi]-x
		if down < up || down == up && hi&1 == 1 {
			hi--
		}
		return uint16(hi)
	}
	step := uint64(2999) // a prime: about 1.4 million of the 2^32 inputs
	if testing.Short() {
		step = 65537
	}
	for u := uint64(0); u < 1<<32; u += step {
		check(t, uint32(u), nearest)
	}
	for b := range uint32(1 << 16) { // every value, midpoint and their neighbours
		for _, low := range []uint32{0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF} {
			check(t, b<<16|low, nearest)
		}
	}
}

func check(t *testing.T, u uint32, nearest func(float64) uint16) {
	f := math.Float32frombits(u)
	got := bf16.FromFloat32(f)
	if f != f {
		if want := bf16.BF16(u>>16 | 0x40); got != want || !got.IsNaN() {
			t.Fatalf("NaN %#08x: got %#04x, want %#04x", u, got, want)
		}
		return
	}
	want := nearest(math.Abs(float64(f))) | uint16(u>>31<<15)
	if got.Bits() != want {
		t.Fatalf("%#08x (%v): got %#04x, want %#04x", u, f, got, want)
	}
}

func TestGolden(t *testing.T) {
	golden.EachElem(t, func(t *testing.T, _ string, in []float32, want []uint32) {
		kerneltest.EachLevel(t, func(t *testing.T) {
			got := make([]bf16.BF16, len(in))
			bf16.Encode(got, in)
			for i, w := range want {
				if w := bf16.FromBits(uint16(w)); got[i] != w && !(got[i].IsNaN() && w.IsNaN()) {
					t.Fatalf("%#08x: got %#04x, want %#04x", math.Float32bits(in[i]), got[i], w)
				}
			}
		})
	}, "bf16")
}

// TestSlices compares with the scalar functions, which the other tests check.
func TestSlices(t *testing.T) {
	const n = 1 << 16
	src, all := make([]float32, n), make([]bf16.BF16, n)
	for i := range src {
		src[i] = math.Float32frombits(uint32(i) * 0x1_0001) // ties among them
		all[i] = bf16.FromBits(uint16(i))
	}
	kerneltest.EachLevel(t, func(t *testing.T) {
		enc, dec := make([]bf16.BF16, n), make([]float32, n)
		bf16.Encode(enc, src)
		bf16.Decode(dec, all)
		for i := range n {
			if want := bf16.FromFloat32(src[i]); enc[i] != want {
				t.Fatalf("%v: got %#04x, want %#04x", src[i], enc[i], want)
			}
			if want := all[i].Float32(); math.Float32bits(dec[i]) != math.Float32bits(want) {
				t.Fatalf("%#04x: got %v, want %v", i, dec[i], want)
			}
		}
		assert.Zero(t, testing.AllocsPerRun(10, func() { bf16.Encode(enc[1:99], src[2:100]); bf16.Decode(dec[1:99], enc[2:100]) }))
	})

	enc, dec := []bf16.BF16{9, 9, 9, 9, 9, 9}, []float32{9, 9, 9, 9, 9, 9}
	bf16.Encode(enc[1:5], []float32{0, 1, -2.5, float32(math.Inf(1))})
	assert.Equal(t, []bf16.BF16{9, 0, 0x3F80, 0xC020, 0x7F80, 9}, enc)
	bf16.Decode(dec[1:5], enc[1:5])
	assert.Equal(t, []float32{9, 0, 1, -2.5, float32(math.Inf(1)), 9}, dec)

	assert.PanicsWithValue(t, "bf16: lengths of dst and src differ", func() { bf16.Encode(enc, src) })
	assert.PanicsWithValue(t, "bf16: lengths of dst and src differ", func() { bf16.Decode(dec, enc[:1]) })
}

func ExampleFromFloat32() {
	b := bf16.FromFloat32(3.14159)
	fmt.Printf("%#04x %v\n", b.Bits(), b.Float32())
	// Output: 0x4049 3.140625
}

func ExampleEncode() {
	src := []float32{1.00390625, 1.01171875, -0.1} // the first two are ties
	dst := make([]bf16.BF16, len(src))
	bf16.Encode(dst, src)
	bf16.Decode(src, dst)
	fmt.Println(src)
	// Output: [1 1.015625 -0.100097656]
}

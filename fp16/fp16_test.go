package fp16_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/fp16"
	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/internal/safetensors"
)

// value is the oracle of decoding: the definition of the format, in float64.
func value(bits uint16) float64 {
	sign := 1.0
	if bits>>15 != 0 {
		sign = -1
	}
	e, m := int(bits>>10&0x1F), float64(bits&0x3FF)
	switch e {
	case 0:
		return sign * math.Ldexp(m, -14-10)
	case 0x1F:
		if m != 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1024+m, e-15-10)
}

func TestDecodeAll(t *testing.T) {
	src := make([]float16.Float16, 1<<16)
	for i := range src {
		src[i] = float16.Frombits(uint16(i))
	}
	dst := make([]float32, len(src))
	fp16.Decode(dst, src)
	back := make([]float16.Float16, len(src))
	fp16.Encode(back, dst)
	for i, f := range dst {
		got, want := float64(f), value(uint16(i))
		if math.IsNaN(want) {
			require.True(t, math.IsNaN(got))
			require.Equal(t, src[i]|0x200, back[i], "NaN made quiet")
			continue
		}
		if got != want || math.Signbit(got) != math.Signbit(want) {
			t.Fatalf("%#04x: got %v, want %v", i, got, want)
		}
		require.Equal(t, src[i], back[i], "round trip")
	}
}

// TestGolden compares with all peers, NaN being one class but for torch, which has the same bits.
func TestGolden(t *testing.T) {
	golden.EachElem(t, func(t *testing.T, cast string, in []float32, want []uint32) {
		got := make([]float16.Float16, len(in))
		fp16.Encode(got, in)
		for i, w := range want {
			w := float16.Frombits(uint16(w))
			if got[i] != w && !(got[i].IsNaN() && w.IsNaN() && cast != "fp16/torch_to") {
				t.Fatalf("%#08x: got %#04x, want %#04x", math.Float32bits(in[i]), got[i].Bits(), w.Bits())
			}
		}
	}, "fp16")
}

func TestDecodeGolden(t *testing.T) {
	f, err := safetensors.Open(golden.Dir(t, "formats/elem/casts_fp16_exhaustive.safetensors"))
	require.NoError(t, err)
	in, err := f.U16("in_fp16_bits")
	require.NoError(t, err)
	want, err := f.U32("f32/numpy_bits")
	require.NoError(t, err)
	src, got := make([]float16.Float16, len(in)), make([]float32, len(in))
	for i, b := range in {
		src[i] = float16.Frombits(b)
	}
	fp16.Decode(got, src)
	for i, f := range got {
		if math.Float32bits(f) != want[i] && !(f != f && src[i].IsNaN()) {
			t.Fatalf("%#04x: got %#08x, want %#08x", in[i], math.Float32bits(f), want[i])
		}
	}
}

func TestLimits(t *testing.T) {
	for bits, f := range map[uint16]float32{0x7BFF: fp16.Max, 0x0400: fp16.SmallestNormal, 1: fp16.SmallestNonzero, 0x3C01: 1 + fp16.Epsilon} {
		assert.Equal(t, f, float16.Frombits(bits).Float32())
	}
	dst := make([]float16.Float16, 3)
	fp16.Encode(dst, []float32{65519.996, 65520, float32(math.Inf(-1))})
	assert.Equal(t, []float16.Float16{0x7BFF, 0x7C00, 0xFC00}, dst)
}

func TestSlices(t *testing.T) {
	src := []float32{0, 1, -2.5}
	enc := []float16.Float16{9, 9, 9, 9, 9}
	fp16.Encode(enc[1:4], src)
	assert.Equal(t, []float16.Float16{9, 0, 0x3C00, 0xC100, 9}, enc)
	dec := []float32{9, 9, 9, 9, 9}
	fp16.Decode(dec[1:4], enc[1:4])
	assert.Equal(t, []float32{9, 0, 1, -2.5, 9}, dec)

	assert.PanicsWithValue(t, "fp16: lengths of dst and src differ", func() { fp16.Encode(enc, src) })
	assert.PanicsWithValue(t, "fp16: lengths of dst and src differ", func() { fp16.Decode(dec, enc[:1]) })
	assert.Zero(t, testing.AllocsPerRun(10, func() { fp16.Encode(enc[1:4], src); fp16.Decode(dec[1:4], enc[1:4]) }))
}

func ExampleEncode() {
	src := []float32{1, 0.1, 65520}
	dst := make([]float16.Float16, len(src))
	fp16.Encode(dst, src)
	fp16.Decode(src, dst)
	fmt.Println(src)
	// Output: [1 0.099975586 +Inf]
}

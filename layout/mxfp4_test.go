package layout_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/fp4"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/layout"
)

// requireSameValues compares MXFP4 with NVFP4, value by value in float64, where both are exact.
func requireSameValues(t *testing.T, codes []byte, mx []fp8.E8M0, nv []fp8.E4M3, tensorScale float32) {
	t.Helper()
	for i := range 32 * len(mx) {
		code := float64(fp4.FromBits(nibble(codes, i)).Float32())
		want := code * float64(mx[i/32].Float32())
		got := code * float64(nv[i/16].Float32()) * float64(tensorScale)
		if want != got && (want == want || got == got) {
			t.Fatalf("value %d: %v, want %v", i, got, want)
		}
	}
}

func TestMXFP4ToNVFP4(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	step := 1
	if testing.Short() {
		step = 7
	}
	for lowest := 0; lowest+17 <= 0xFE; lowest += step {
		codes, scales := randomBytes(rng, 16*40), make([]fp8.E8M0, 40)
		for i := range scales {
			scales[i] = fp8.E8M0(lowest + rng.IntN(18))
		}
		scales[3], scales[4] = fp8.E8M0(lowest), fp8.E8M0(lowest+17)
		scales[5] = 0xFF          // NaN
		clear(codes[16*6 : 16*7]) // a block of zeros, out of range
		scales[6] = fp8.E8M0(lowest+77) % 0xFF
		clear(codes[16*7 : 16*7+8]) // half a block
		g, err := layout.MXFP4TensorScale(codes, scales)
		require.NoError(t, err)
		assert.Equal(t, max(math.Ldexp(1, lowest+17-8-127), 0x1p-126), float64(g))
		dst := make([]fp8.E4M3, 80)
		require.NoError(t, layout.MXFP4ToNVFP4(dst, codes, scales, g))
		requireSameValues(t, codes, scales, dst, g)
		assert.True(t, dst[10].IsNaN() && dst[11].IsNaN())
	}
}

func TestMXFP4ToNVFP4Inexact(t *testing.T) {
	codes, scales := make([]byte, 16*3), []fp8.E8M0{127, 109, 127}
	for i := range codes {
		codes[i] = 0x11
	}
	g, err := layout.MXFP4TensorScale(codes, scales)
	require.NoError(t, err)
	assert.Equal(t, float32(0x1p-8), g)
	dst := make([]fp8.E4M3, 6)
	err = layout.MXFP4ToNVFP4(dst, codes, scales, g)
	assert.ErrorIs(t, err, layout.ErrInexact)
	assert.EqualError(t, err, "layout: MXFP4 block 1: scale 2^-18 is 2^-10 times the tensor scale: not exact in NVFP4")

	err = layout.MXFP4ToNVFP4(dst, codes, scales, 0x1p-9) // the others are too large for this one
	assert.ErrorContains(t, err, "block 0: scale 2^0 is 2^9 times")

	for i := range 16 { // the block is -0 throughout: its scale does not matter
		codes[16+i] = 0x80
	}
	require.NoError(t, layout.MXFP4ToNVFP4(dst, codes, scales, g))
	requireSameValues(t, codes, scales, dst, g)

	for _, bad := range []float32{0, 3, -1, float32(math.NaN()), float32(math.Inf(1))} {
		assert.ErrorContains(t, layout.MXFP4ToNVFP4(dst, codes, scales, bad), "not a power of two")
	}
	assert.ErrorContains(t, layout.MXFP4ToNVFP4(dst, codes[1:], scales, g), "47 bytes of MXFP4 codes for 3 scales")
	_, err = layout.MXFP4TensorScale(codes, scales[:2])
	assert.Error(t, err)
	assert.Panics(t, func() { _ = layout.MXFP4ToNVFP4(dst[1:], codes, scales, g) })
}

func TestMXFP4ToNVFP4Empty(t *testing.T) {
	g, err := layout.MXFP4TensorScale(nil, nil)
	require.NoError(t, err)
	assert.Equal(t, float32(0x1p-126), g)
	assert.NoError(t, layout.MXFP4ToNVFP4(nil, nil, nil, g))

	codes, scales, dst := make([]byte, 16), []fp8.E8M0{0}, make([]fp8.E4M3, 2) // MXFP4's usual block of zeros
	g, err = layout.MXFP4TensorScale(codes, scales)
	require.NoError(t, err)
	require.NoError(t, layout.MXFP4ToNVFP4(dst, codes, scales, g))
	requireSameValues(t, codes, scales, dst, g)
}

func TestMXFP4DoesNotAllocate(t *testing.T) {
	codes, scales, dst := make([]byte, 160), make([]fp8.E8M0, 10), make([]fp8.E4M3, 20)
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		g, _ := layout.MXFP4TensorScale(codes, scales)
		_ = layout.MXFP4ToNVFP4(dst, codes, scales, g)
	}))
}

func FuzzMXFP4ToNVFP4(f *testing.F) {
	f.Add([]byte("seventeen bytes are enough for one block"))
	f.Fuzz(func(t *testing.T, data []byte) {
		n := len(data) / 17
		codes, scales := data[:16*n], make([]fp8.E8M0, n)
		for i, b := range data[16*n : 17*n] {
			scales[i] = fp8.E8M0(b)
		}
		g, err := layout.MXFP4TensorScale(codes, scales)
		require.NoError(t, err)
		dst := make([]fp8.E4M3, 2*n)
		if layout.MXFP4ToNVFP4(dst, codes, scales, g) == nil {
			requireSameValues(t, codes, scales, dst, g)
		}
	})
}

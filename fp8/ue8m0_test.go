package fp8_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/golden"
)

func TestPackUE8M0(t *testing.T) {
	scales := []float32{
		1, 2, 0x1p-127, 0x1p127, 0.5,
		0x1p-126, nan, 4, 1, 8,
	}
	packed := make([]int32, 2*fp8.UE8M0Words(5))
	require.NoError(t, fp8.PackUE8M0(packed, scales, 5))
	u := func(w uint32) int32 { return int32(w) }
	assert.Equal(t, []int32{u(0xFE00_807F), u(0x7F7F_7F7E), u(0x7F81_FF01), u(0x7F7F_7F82)}, packed)

	back := make([]float32, len(scales))
	fp8.UnpackUE8M0(back, packed, 5)
	for i, s := range scales {
		assert.True(t, golden.SameFloat(s, back[i]) || s != s && back[i] != back[i], i)
	}

	for _, bad := range []float32{0, 3, -2, inf, 0x1p-128, 0x1.8p127} {
		err := fp8.PackUE8M0(packed[:1], []float32{1, bad}, 2)
		assert.ErrorContains(t, err, "fp8: scale 1, ", "%v", bad)
	}
	assert.NoError(t, fp8.PackUE8M0(nil, nil, 0))
	fp8.UnpackUE8M0(nil, nil, 7)
	for _, call := range []func(){
		func() { _ = fp8.PackUE8M0(packed, scales, 4) },
		func() { _ = fp8.PackUE8M0(packed[:3], scales, 5) },
		func() { _ = fp8.PackUE8M0(packed, scales, -5) },
		func() { _ = fp8.PackUE8M0(packed, nil, 0) },
		func() { fp8.UnpackUE8M0(scales, packed[:3], 5) },
	} {
		assert.PanicsWithValue(t, "fp8: lengths of scales and packed words do not fit", call)
	}
}

func FuzzUnpackUE8M0(f *testing.F) {
	f.Add(uint32(0x7F7F_7F82), uint32(0xFF00_0102))
	f.Fuzz(func(t *testing.T, a, b uint32) {
		scales, packed := make([]float32, 7), []int32{int32(a), int32(b)}
		fp8.UnpackUE8M0(scales, packed, 7)
		again := make([]int32, 2)
		require.NoError(t, fp8.PackUE8M0(again, scales, 7))
		assert.Equal(t, []int32{int32(a), int32(b&0xFF_FFFF | 127<<24)}, again)
	})
}

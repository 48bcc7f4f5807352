package fp8_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/fp8"
)

// TestE8M0Values is the definition, in float64.
func TestE8M0Values(t *testing.T) {
	for b := range 255 {
		q := fp8.E8M0FromBits(uint8(b))
		assert.Equal(t, math.Ldexp(1, b-127), float64(q.Float32()))
		assert.False(t, q.IsNaN())
		assert.Equal(t, uint8(b), q.Bits())
	}
	assert.True(t, fp8.E8M0(0xFF).IsNaN())
	assert.Equal(t, uint32(0x7FC0_0000), math.Float32bits(fp8.E8M0(0xFF).Float32()))
}

// TestE8M0Casts compares the casts, at every power of two and half of the way between, with float64
// arithmetic: the exponent of a subnormal is right there.
func TestE8M0Casts(t *testing.T) {
	clamp := func(exp int) uint8 { return uint8(min(max(exp+127, 0), 0xFE)) }
	for u := uint32(1); u < 0x7F80_0000; u += 0x0020_0000 {
		for _, d := range []uint32{0, 1, 0x000F_FFFF, 0x001F_FFFF} {
			f := math.Float32frombits(u - 1 + d)
			if f == 0 {
				continue
			}
			frac, exp := math.Frexp(float64(f)) // f = 2·frac · 2^(exp-1)
			floor, ceil := clamp(exp-1), clamp(exp)
			if frac == 0.5 {
				ceil = floor
			}
			nearest := floor
			if 2*frac >= 1.5 || exp == -126 && frac > 0.5 {
				nearest = clamp(exp)
			}
			if exp == 128 && 2*frac >= 1.5 {
				nearest = 0xFF
			}
			if math.Float32bits(f) < 0x0040_0000 {
				nearest = 0
			}
			for _, f := range []float32{f, -f} {
				require.Equal(t, floor, fp8.E8M0Floor(f).Bits(), "%x", f)
				require.Equal(t, ceil, fp8.E8M0Ceil(f).Bits(), "%x", f)
				require.Equal(t, nearest, fp8.E8M0FromFloat32(f).Bits(), "%x", f)
			}
			require.Equal(t, nearest, fp8.E8M0FromFloat32Positive(f).Bits(), "%x", f)
			require.True(t, fp8.E8M0FromFloat32Positive(-f).IsNaN(), "%x", f)
		}
	}
}

func TestE8M0Specials(t *testing.T) {
	inf, nan, negZero := float32(math.Inf(1)), float32(math.NaN()), float32(math.Copysign(0, -1))
	for _, c := range []struct {
		f                              float32
		nearest, positive, floor, ceil uint8
	}{
		{0, 0, 0xFF, 0, 0},
		{negZero, 0, 0xFF, 0, 0},
		{inf, 0xFF, 0xFF, 0xFE, 0xFE},
		{-inf, 0xFF, 0xFF, 0xFE, 0xFE},
		{nan, 0xFF, 0xFF, 0xFF, 0xFF},
		{math.MaxFloat32, 0xFF, 0xFF, 0xFE, 0xFE},
		{math.SmallestNonzeroFloat32, 0, 0, 0, 0},
	} {
		assert.Equal(t, c.nearest, fp8.E8M0FromFloat32(c.f).Bits(), "%v", c.f)
		assert.Equal(t, c.positive, fp8.E8M0FromFloat32Positive(c.f).Bits(), "%v", c.f)
		assert.Equal(t, c.floor, fp8.E8M0Floor(c.f).Bits(), "%v", c.f)
		assert.Equal(t, c.ceil, fp8.E8M0Ceil(c.f).Bits(), "%v", c.f)
	}
}

package fp8_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/fp8"
)

// TestFNUZ checks values and saturation; TestElemGolden compares the other roundings.
func TestFNUZ(t *testing.T) {
	for _, f := range []struct {
		mantissa, bias int
		max            float32
		decode         func(uint8) float32
		isNaN          func(uint8) bool
		sat, noSat     func(float32) uint8
	}{{
		3, 8, 240,
		func(b uint8) float32 { return fp8.E4M3FNUZ(b).Float32() },
		func(b uint8) bool { return fp8.E4M3FNUZ(b).IsNaN() },
		func(x float32) uint8 { return fp8.E4M3FNUZFromFloat32(x).Bits() },
		func(x float32) uint8 { return fp8.E4M3FNUZFromFloat32NoSat(x).Bits() },
	}, {
		2, 16, 57344,
		func(b uint8) float32 { return fp8.E5M2FNUZ(b).Float32() },
		func(b uint8) bool { return fp8.E5M2FNUZ(b).IsNaN() },
		func(x float32) uint8 { return fp8.E5M2FNUZFromFloat32(x).Bits() },
		func(x float32) uint8 { return fp8.E5M2FNUZFromFloat32NoSat(x).Bits() },
	}} {
		for c := range 256 {
			code, got := uint8(c), f.decode(uint8(c))
			if code == 0x80 {
				assert.True(t, f.isNaN(code) && got != got)
				continue
			}
			e, m := c&0x7F>>f.mantissa, float64(c&(1<<f.mantissa-1))
			want := math.Ldexp(m, 1-f.bias-f.mantissa)
			if e > 0 {
				want = math.Ldexp(m+float64(int(1)<<f.mantissa), e-f.bias-f.mantissa)
			}
			if code > 0x80 {
				want = -want
			}
			require.Equal(t, want, float64(got), "%#02x", c)
			require.False(t, f.isNaN(code))
			require.Equal(t, code, f.sat(got))
			require.Equal(t, code, f.noSat(got))
		}
		over := math.Nextafter32(f.max, inf)
		for x, want := range map[float32][2]uint8{ // saturating or not
			f.max: {0x7F, 0x7F}, over: {0x7F, 0x7F}, -over: {0xFF, 0xFF},
			f.max * 1.5: {0x7F, 0x80}, -f.max * 1.5: {0xFF, 0x80}, 1e30: {0x7F, 0x80}, -inf: {0xFF, 0x80},
			float32(math.Copysign(0, -1)): {0, 0}, -1e-30: {0, 0}, -1e-45: {0, 0},
		} {
			assert.Equal(t, want, [2]uint8{f.sat(x), f.noSat(x)}, "%v", x)
		}
		assert.Equal(t, [2]uint8{0x80, 0x80}, [2]uint8{f.sat(-nan), f.noSat(nan)})
	}
}

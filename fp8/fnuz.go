package fp8

import "math"

// E4M3FNUZ is E4M3 with an exponent bias of 8 in place of 7, held as its bits: finite, with the NaN
// 0x80, and unsigned zero. AMD's CDNA 3 computes with it. Its values are halves of E4M3's, up to 240
// (0x7F); the smallest normal one is 2^-7 (0x08), the smallest 2^-10.
type E4M3FNUZ uint8

// E5M2FNUZ is E5M2 with an exponent bias of 16 in place of 15, held as its bits: finite, with the NaN
// 0x80, and unsigned zero. Its largest value is 57344 (0x7F), the smallest normal one 2^-15 (0x04), the
// smallest 2^-17.
type E5M2FNUZ uint8

const fnuzNaN = 0x80

// fnuz describes a format with a mantissa of so many bits.
type fnuz struct{ mantissa, bias uint32 }

var (
	e4m3FNUZ = fnuz{mantissa: 3, bias: 8}
	e5m2FNUZ = fnuz{mantissa: 2, bias: 16}
)

// E4M3FNUZFromFloat32 rounds f to the nearest value, ties to even, and saturates: magnitudes above
// 240, infinities included, become ±240. Every NaN gives 0x80, and both zeros 0.
func E4M3FNUZFromFloat32(f float32) E4M3FNUZ { return E4M3FNUZ(e4m3FNUZ.saturating(f)) }

// E4M3FNUZFromFloat32NoSat rounds f to the nearest value, ties to even; magnitudes of 248 and above
// become NaN. It equals torch 2.15 and ml_dtypes 0.6.0.
func E4M3FNUZFromFloat32NoSat(f float32) E4M3FNUZ { return E4M3FNUZ(e4m3FNUZ.round(f)) }

// E5M2FNUZFromFloat32 rounds f to the nearest value, ties to even, and saturates: magnitudes above
// 57344, infinities included, become ±57344. Every NaN gives 0x80, and both zeros 0.
func E5M2FNUZFromFloat32(f float32) E5M2FNUZ { return E5M2FNUZ(e5m2FNUZ.saturating(f)) }

// E5M2FNUZFromFloat32NoSat rounds f to the nearest value, ties to even; magnitudes of 61440 and above
// become NaN. It equals torch 2.15 and ml_dtypes 0.6.0.
func E5M2FNUZFromFloat32NoSat(f float32) E5M2FNUZ { return E5M2FNUZ(e5m2FNUZ.round(f)) }

// Bits returns the bits of q.
func (q E4M3FNUZ) Bits() uint8 { return uint8(q) }

// Bits returns the bits of q.
func (q E5M2FNUZ) Bits() uint8 { return uint8(q) }

// IsNaN reports whether q is the NaN.
func (q E4M3FNUZ) IsNaN() bool { return q == fnuzNaN }

// IsNaN reports whether q is the NaN.
func (q E5M2FNUZ) IsNaN() bool { return q == fnuzNaN }

// Float32 returns q's value, exactly. The NaN is quiet.
func (q E4M3FNUZ) Float32() float32 { return e4m3FNUZ.value(uint8(q)) }

// Float32 returns q's value, exactly. The NaN is quiet.
func (q E5M2FNUZ) Float32() float32 { return e5m2FNUZ.value(uint8(q)) }

// saturating is round with the largest value in place of NaN for what is none.
func (z fnuz) saturating(f float32) uint8 {
	code := z.round(f)
	if code == fnuzNaN && f == f {
		return uint8(math.Float32bits(f)>>24)&signMask | magMask
	}
	return code
}

// round returns the code of the value nearest to f, ties to even, and the NaN for what is above all of
// them.
//
// A magnitude in units of the step that the format has there, rounded, is the code but for the
// doublings of the step, each of which adds as many codes as the mantissa has.
func (z fnuz) round(f float32) uint8 {
	mag := math.Float32frombits(math.Float32bits(f) &^ signBit)
	exponent := max(math.Float32bits(mag)>>23, 128-z.bias) // that of the smallest normal value, or above
	step := exponent - z.mantissa
	if !(mag < 1<<16) {
		return fnuzNaN
	}
	count := math.RoundToEven(float64(mag) / float64(math.Float32frombits(step<<23)))
	code := uint32(count) + (exponent-(128-z.bias))<<z.mantissa
	switch {
	case code == 0:
		return 0
	case code > magMask:
		return fnuzNaN
	}
	return uint8(code) | uint8(math.Float32bits(f)>>24)&signMask
}

// value returns the value of a code.
func (z fnuz) value(code uint8) float32 {
	if code == fnuzNaN {
		return float32(math.NaN())
	}
	exponent, mantissa := uint32(code&magMask)>>z.mantissa, uint32(code)&(1<<z.mantissa-1)
	var bits uint32
	if exponent == 0 {
		bits = math.Float32bits(float32(float32(mantissa) * math.Float32frombits((128-z.bias-z.mantissa)<<23)))
	} else {
		bits = (exponent+127-z.bias)<<23 | mantissa<<(23-z.mantissa)
	}
	return math.Float32frombits(bits | uint32(code&signMask)<<24)
}

package fp8

import "math"

// E8M0 is a power of two held as its exponent, the scale of the OCP Microscaling formats: the byte b
// stands for 2^(b-127). It has no sign, no zero and no infinity; 0xFF is the NaN.
//
// Byte 0 is 2^-127, which in float32 is subnormal: shifting a byte into the exponent of a float32
// would make it 0.
type E8M0 uint8

// Limits of E8M0. Each is exact in float32.
const (
	MaxE8M0      = 0x1p127  // 0xFE
	SmallestE8M0 = 0x1p-127 // 0x00
)

const (
	e8m0Max = 0xFE
	e8m0NaN = 0xFF
)

// Magnitudes of a float32 as bits, which order as the numbers do.
const (
	e8m0Smallest = 0x0040_0000 // 2^-127
	e8m0Normal   = 0x0080_0000 // 2^-126
	e8m0Infinity = 0x7F80_0000
)

// E8M0FromBits returns the value with the bits b.
func E8M0FromBits(b uint8) E8M0 { return E8M0(b) }

// E8M0FromFloat32 returns the power of two nearest to |f| by significand: from 1.5 on it goes up, and
// between 2^-127 and 2^-126 always. The sign is dropped. Magnitudes below 2^-127, 0 included, give
// 2^-127; magnitudes from 1.5·2^127 on, infinities and NaNs give NaN. It equals torch 2.15.
func E8M0FromFloat32(f float32) E8M0 {
	mag := e8m0Magnitude(f)
	if mag < e8m0Normal {
		return e8m0Subnormal(mag)
	}
	return E8M0(min(mag+1<<22, e8m0Infinity) >> 23)
}

// E8M0FromFloat32Positive is E8M0FromFloat32 for f above 0, and NaN for all other f: a power of two
// is neither 0 nor negative. It equals ml_dtypes 0.6.0.
func E8M0FromFloat32Positive(f float32) E8M0 {
	if f > 0 {
		return E8M0FromFloat32(f)
	}
	return e8m0NaN
}

// E8M0Floor returns the largest power of two that is not above |f|. Magnitudes below 2^-127 give
// 2^-127, infinities 2^127, and NaNs NaN. It equals CUDA's cvt.rz.satfinite.
func E8M0Floor(f float32) E8M0 {
	mag := e8m0Magnitude(f)
	if mag > e8m0Infinity {
		return e8m0NaN
	}
	return E8M0(min(mag>>23, e8m0Max))
}

// E8M0Ceil returns the smallest power of two that is not below |f|. Magnitudes above 2^127,
// infinities included, give 2^127, and NaNs NaN. It equals CUDA's cvt.rp.satfinite.
func E8M0Ceil(f float32) E8M0 {
	mag := e8m0Magnitude(f)
	switch {
	case mag > e8m0Infinity:
		return e8m0NaN
	case mag < e8m0Normal:
		return e8m0Subnormal(mag)
	}
	return E8M0(min((mag+e8m0Normal-1)>>23, e8m0Max))
}

func e8m0Magnitude(f float32) uint32 { return math.Float32bits(f) &^ (1 << 31) }

// e8m0Subnormal rounds a magnitude below 2^-126 up, from 2^-127 on.
func e8m0Subnormal(mag uint32) E8M0 {
	if mag > e8m0Smallest {
		return 1
	}
	return 0
}

// Bits returns the bits of q: its exponent plus 127.
func (q E8M0) Bits() uint8 { return uint8(q) }

// Float32 returns q's value, exactly. The NaN is quiet and positive.
func (q E8M0) Float32() float32 {
	switch q {
	case 0:
		return SmallestE8M0
	case e8m0NaN:
		return float32(math.NaN())
	}
	return math.Float32frombits(uint32(q) << 23)
}

// IsNaN reports whether q is the NaN.
func (q E8M0) IsNaN() bool { return q == e8m0NaN }

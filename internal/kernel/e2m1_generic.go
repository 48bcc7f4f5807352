package kernel

import "math"

const e2m1Sign = 8 // of a code; alone, the code of -0

// e2m1Values are the values of the codes, with e2m1Sign for +0 and for -0.
var e2m1Values = [2][16]float32{
	{0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6},
	{0, 0.5, 1, 1.5, 2, 3, 4, 6, float32(math.Copysign(0, -1)), -0.5, -1, -1.5, -2, -3, -4, -6},
}

// E2M1ToFloat32 returns the value of the code in the low four bits of c.
func E2M1ToFloat32(c uint8) float32 { return e2m1Values[1][c&0xF] }

// E2M1FromFloat32 returns the code of the value nearest to f, ties to the even
// code, saturating at 6, with f's sign bit. NaN of either sign gives 7.
func E2M1FromFloat32(f float32) uint8 {
	u := math.Float32bits(f)
	sign, mag := uint8(u>>28)&e2m1Sign, u&f32MagMask
	if mag > f32Inf {
		return 7
	}
	mag = min(mag, 0x40C0_0000) // 6: magnitudes order as their bits do
	// With a mantissa of one bit, the step is half the power of two at or below the
	// magnitude, and 0.5 below 1. A float32 at 2^22 times that power has the same
	// step: the addition rounds, and leaves the number of steps in the low bits of
	// the sum. Each doubling adds two codes.
	exp := max(mag>>23, 127)
	big := (exp + 22) << 23
	sum := math.Float32frombits(mag) + math.Float32frombits(big)
	return sign | uint8(math.Float32bits(sum)-big+(exp-127)<<1)
}

// e2m1Below0 is E2M1FromFloat32 with the sign bit if and only if v < 0, so that
// -0 gives 0, and with the code nan for NaN.
func e2m1Below0(v float32, nan uint8) uint8 {
	switch {
	case v == 0:
		return 0
	case v != v:
		return nan
	}
	return E2M1FromFloat32(v)
}

package kernel

import "math"

// Parts of a float32. Magnitudes order as their bits do, NaN above all.
const (
	f32Sign    = 0x8000_0000
	f32MagMask = 0x7FFF_FFFF
	f32Inf     = 0x7F80_0000
	f32NaN     = 0x7FC0_0000
)

const (
	fp8Sign = 0x80
	fp8NaN  = 0x7F // in both formats
	e5m2Inf = 0x7C

	e4m3Max  = 0x43E0_0000 // 448, as float32 bits
	e4m3Over = 0x43F0_0000 // 480: 448 and one step, whose code is the NaN
	e5m2Max  = 0x4760_0000 // 57344
	e5m2Over = 0x4780_0000 // 65536: 57344 and one step, whose code is the infinity
)

// E4M3FromFloat32 rounds f to the nearest E4M3 value, ties to even. Magnitudes
// above 448, infinities included, become ±448. Every NaN gives 0x7F.
func E4M3FromFloat32(f float32) uint8 {
	u := math.Float32bits(f)
	sign, mag := uint8(u>>24)&fp8Sign, u&f32MagMask
	if mag > f32Inf {
		return fp8NaN
	}
	return sign | e4m3Round(min(mag, e4m3Max))
}

// E4M3FromFloat32NoSat rounds f to the nearest E4M3 value, ties to even.
// Magnitudes above 464, infinities and NaNs become a NaN with f's sign.
func E4M3FromFloat32NoSat(f float32) uint8 {
	u := math.Float32bits(f)
	return uint8(u>>24)&fp8Sign | e4m3Round(min(u&f32MagMask, e4m3Over))
}

// e4m3Round returns the code of the magnitude with float32 bits mag, at most e4m3Over.
//
// With a mantissa of three bits, the step is 2^-3 times the power of two at or below the magnitude,
// and 2^-9 below 2^-6. A float32 at 2^20 times that power has the same step: the addition rounds,
// and leaves the number of steps in the low bits of the sum. Each doubling adds eight codes.
func e4m3Round(mag uint32) uint8 {
	exp := max(mag>>23, 127-6)
	big := (exp + 20) << 23
	sum := math.Float32frombits(mag) + math.Float32frombits(big)
	return uint8(math.Float32bits(sum) - big + (exp-(127-6))<<3)
}

// E5M2FromFloat32 rounds f to the nearest E5M2 value, ties to even. Magnitudes
// above 57344, infinities included, become ±57344. Every NaN gives 0x7F.
func E5M2FromFloat32(f float32) uint8 {
	u := math.Float32bits(f)
	sign, mag := uint8(u>>24)&fp8Sign, u&f32MagMask
	if mag > f32Inf {
		return fp8NaN
	}
	return sign | e5m2Round(min(mag, e5m2Max))
}

// E5M2FromFloat32NoSat rounds f to the nearest E5M2 value, ties to even.
// Magnitudes of 61440 and above become infinite; a NaN 0x7F or 0xFF, by its sign.
func E5M2FromFloat32NoSat(f float32) uint8 {
	u := math.Float32bits(f)
	sign, mag := uint8(u>>24)&fp8Sign, u&f32MagMask
	if mag > f32Inf {
		return sign | fp8NaN
	}
	return sign | e5m2Round(min(mag, e5m2Over))
}

// e5m2Round is e4m3Round for a mantissa of two bits: the step is 2^-16 below 2^-14, and each doubling
// adds four codes.
func e5m2Round(mag uint32) uint8 {
	exp := max(mag>>23, 127-14)
	big := (exp + 21) << 23
	sum := math.Float32frombits(mag) + math.Float32frombits(big)
	return uint8(math.Float32bits(sum) - big + (exp-(127-14))<<2)
}

// E4M3ToFloat32 returns the value of the code q. A NaN is quiet, without payload,
// and has q's sign.
func E4M3ToFloat32(q uint8) float32 { return e4m3Values[q] }

// E5M2ToFloat32 returns the value of the code q. A NaN is quiet, without payload,
// and has q's sign.
func E5M2ToFloat32(q uint8) float32 { return e5m2Values[q] }

var e4m3Values = func() (table [256]float32) {
	for i := range uint32(0x80) {
		e, m := i>>3, i&7
		bits := (e+127-7)<<23 | m<<20
		switch {
		case e == 0:
			bits = math.Float32bits(float32(float32(m) * 0x1p-9))
		case i == fp8NaN:
			bits = f32NaN
		}
		table[i] = math.Float32frombits(bits)
		table[i|fp8Sign] = math.Float32frombits(bits | f32Sign)
	}
	return table
}()

var e5m2Values = func() (table [256]float32) {
	for i := range uint32(0x80) {
		e, m := i>>2, i&3
		bits := (e+127-15)<<23 | m<<21
		switch {
		case e == 0:
			bits = math.Float32bits(float32(float32(m) * 0x1p-16))
		case i == e5m2Inf:
			bits = f32Inf
		case i > e5m2Inf:
			bits = f32NaN
		}
		table[i] = math.Float32frombits(bits)
		table[i|fp8Sign] = math.Float32frombits(bits | f32Sign)
	}
	return table
}()

func scaleE4M3Generic(dst []uint8, src []float32, mult float32) {
	dst = dst[:len(src)]
	for i, f := range src {
		dst[i] = E4M3FromFloat32(float32(f * mult))
	}
}

func scaleE5M2Generic(dst []uint8, src []float32, mult float32) {
	dst = dst[:len(src)]
	for i, f := range src {
		dst[i] = E5M2FromFloat32(float32(f * mult))
	}
}

func quantizeE4M3Generic(dst []uint8, src []float32, scale float32) {
	dst = dst[:len(src)]
	for i, f := range src {
		dst[i] = E4M3FromFloat32(f / scale)
	}
}

func quantizeE5M2Generic(dst []uint8, src []float32, scale float32) {
	dst = dst[:len(src)]
	for i, f := range src {
		dst[i] = E5M2FromFloat32(f / scale)
	}
}

func scaleE4M3BF16Generic(dst []uint8, src []uint16, mult float32) {
	dst = dst[:len(src)]
	for i, b := range src {
		dst[i] = E4M3FromFloat32(float32(bf16Value(b) * mult))
	}
}

func quantizeE4M3BF16Generic(dst []uint8, src []uint16, scale float32) {
	dst = dst[:len(src)]
	for i, b := range src {
		dst[i] = E4M3FromFloat32(bf16Value(b) / scale)
	}
}

func quantizeE4M3InBF16Generic(dst []uint8, src []uint16, scale float32) {
	dst = dst[:len(src)]
	for i, b := range src {
		dst[i] = E4M3FromFloat32(bf16Value(BF16FromFloat32(bf16Value(b) / scale)))
	}
}

func decodeE4M3Generic(dst []float32, src []uint8, mult float32) {
	decodeTable(dst, src, &e4m3Values, mult)
}

func decodeE5M2Generic(dst []float32, src []uint8, mult float32) {
	decodeTable(dst, src, &e5m2Values, mult)
}

// decodeTable multiplies the values of the codes by mult.
func decodeTable(dst []float32, src []uint8, values *[256]float32, mult float32) {
	dst = dst[:len(src)]
	for i, q := range src {
		y := float32(values[q] * mult)
		if y != y {
			y = math.Float32frombits(f32NaN | uint32(q&fp8Sign)<<24)
		}
		dst[i] = y
	}
}

package mx

import (
	"math"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp4"
	"github.com/trueup-rl/trueup/fp6"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// codeRule turns values and the factors of their halves of a block into codes: those of v = x*factor,
// a product without rounding error unless it leaves float32's range.
type codeRule uint8

const (
	noCodes   codeRule = iota // the recipe lacks the format
	nearest                   // ties to even, the sign copied
	below0                    // E2M1: ties to even, the sign bit if and only if v < 0
	modelOpt                  // E2M1: ties toward 0, zeros negative
	deepGEMM                  // E2M1: ties toward 0, zeros positive
	away                      // E2M1: ties away from 0, the sign copied
	ggml                      // E2M1: the least distance from x
	countAway                 // ties away from 0, the sign bit if and only if v < 0
	countEven                 // the same with ties to even
)

// codes tells which formats have a rule.
type codes [formatCount]codeRule

// formats returns those that have a rule.
func (c *codes) formats() (f []Format) {
	for i, rule := range c {
		if rule != noCodes {
			f = append(f, Format(i))
		}
	}
	return f
}

var (
	all  = codes{E4M3: nearest, E5M2: nearest, E2M3: nearest, E3M2: nearest, E2M1: nearest}
	less = func(e2m1 codeRule) codes { return codes{E4M3: nearest, E2M1: e2m1} }
)

// encode sets the codes of x. nan says that some v may be NaN.
func (s *scheme) encode(codes []byte, x, factor []float32, nan bool) {
	switch s.code {
	case nearest:
		s.format.encode(codes, x, factor, nan)
	case below0:
		kernel.EncodeE2M1Mul(codes, x, factor) // 0 for NaN
	case modelOpt:
		eachNibble(codes, x, factor, modelOptE2M1)
	case deepGEMM:
		eachNibble(codes, x, factor, deepGEMME2M1)
	case away:
		eachNibble(codes, x, factor, awayE2M1)
	case ggml:
		encodeGGML(codes, x, factor)
	case countAway:
		s.count(codes, x, factor, halfAway)
	case countEven:
		s.count(codes, x, factor, halfToEven)
	}
}

// encodeBF16 is encode of BF16 values. It reports false, and does nothing, if there is none but encode
// of the float32 values.
func (s *scheme) encodeBF16(codes []byte, x []uint16, factor []float32, nan bool) bool {
	switch {
	case s.code == below0:
		encodeBelow0BF16(codes, x, factor)
	case s.code == nearest && s.format == E4M3:
		kernel.EncodeMXE4M3BF16(codes, x, factor, nan)
	case s.code == nearest && s.format == E5M2:
		kernel.EncodeMXE5M2BF16(codes, x, factor, nan)
	case s.code == nearest && s.format == E2M1:
		kernel.EncodeMXE2M1BF16(codes, x, factor, nan)
	default:
		return false
	}
	return true
}

// encode rounds to nearest.
func (f Format) encode(codes []byte, x, factor []float32, nan bool) {
	switch f {
	case E4M3:
		kernel.EncodeMXE4M3(codes, x, factor, nan)
	case E5M2:
		kernel.EncodeMXE5M2(codes, x, factor, nan)
	case E2M3:
		eachByte(codes, x, factor, func(v float32) uint8 { return fp6.E2M3FromFloat32(v).Bits() })
	case E3M2:
		eachByte(codes, x, factor, func(v float32) uint8 { return fp6.E3M2FromFloat32(v).Bits() })
	case E2M1:
		kernel.EncodeMXE2M1(codes, x, factor, nan)
	}
}

// eachByte sets codes to code(x*factor).
func eachByte(codes []byte, x, factor []float32, code func(v float32) uint8) {
	for i, f := range factor {
		codes := codes[i*halfBlock:][:halfBlock]
		for j, x := range x[i*halfBlock:][:halfBlock] {
			codes[j] = code(float32(x * f))
		}
	}
}

// eachNibble is eachByte with two codes a byte.
func eachNibble(codes []byte, x, factor []float32, code func(v float32) uint8) {
	for i, f := range factor {
		x, codes := x[i*halfBlock:][:halfBlock], codes[i*halfBlock/2:][:halfBlock/2]
		for j := range codes {
			codes[j] = code(float32(x[2*j]*f)) | code(float32(x[2*j+1]*f))<<4
		}
	}
}

const halfBlock = BlockSize / 2

// encodeBelow0BF16 is below0 with v rounded to BF16. A factor of at least 1 makes no v inexact; others may
// make -0 of a negative one.
func encodeBelow0BF16(codes []byte, x []uint16, factor []float32) {
	kernel.EncodeE2M1MulBF16(codes, x, factor)
	for i, f := range factor {
		if f >= 1 {
			continue
		}
		x, codes := x[i*halfBlock:][:halfBlock], codes[i*halfBlock/2:][:halfBlock/2]
		for j := range codes {
			codes[j] = below0OfBF16(x[2*j], f) | below0OfBF16(x[2*j+1], f)<<4
		}
	}
}

func below0OfBF16(x uint16, factor float32) uint8 {
	v := bf16.FromFloat32(float32(bf16.FromBits(x).Float32() * factor)).Float32()
	if v == 0 || v != v {
		return 0
	}
	return fp4.FromFloat32(v).Bits()
}

const (
	signE2M1 = 8
	f32Sign  = 1 << 31
)

// The seven thresholds of E2M1 have no more than two bits of mantissa, so that these of a magnitude's
// bits, with the exponent, tell its code: [e2m1Shift, from 2^-2 on to 5].
const (
	e2m1Shift = mantissaBits - 2
	e2m1First = 0x3E80_0000 >> e2m1Shift // 0.25
	e2m1Last  = 0x40A0_0000 >> e2m1Shift // 5
)

// e2m1Above has the code of magnitudes from e2m1First-1 on.
var e2m1Above = [e2m1Last - e2m1First + 2]uint8{
	0,
	1, 1, 1, 1, 1, 1, // from 0.25
	2, 2, 2, // from 0.75
	3, 3, // from 1.25
	4, 4, // from 1.75
	5, 5, // from 2.5
	6, 6, // from 3.5
	7, // from 5
}

// atLeast returns the code of the magnitude mag, ties away from 0.
func atLeast(mag uint32) uint8 {
	return e2m1Above[min(max(mag>>e2m1Shift, e2m1First-1), e2m1Last)-(e2m1First-1)]
}

// above returns the code of the magnitude mag, ties toward 0.
func above(mag uint32) uint8 { return atLeast(max(mag, 1) - 1) }

func awayE2M1(v float32) uint8 {
	u := math.Float32bits(v)
	if v != v {
		u = 0x7FC0_0000
	}
	return uint8(u>>31)<<3 | atLeast(u&^f32Sign)
}

func deepGEMME2M1(v float32) uint8 {
	code := above(math.Float32bits(v) &^ f32Sign)
	if v < 0 && code != 0 {
		code |= signE2M1
	}
	return code
}

func modelOptE2M1(v float32) uint8 {
	code := above(math.Float32bits(v) &^ f32Sign)
	if v <= 0 {
		code |= signE2M1
	}
	return code
}

// encodeGGML compares the distances from x to all values. A factor is a power of two.
func encodeGGML(codes []byte, x, factor []float32) {
	for i, f := range factor {
		var values [8]float32
		for c := range values {
			values[c] = fp4.E2M1(c).Float32() / f
		}
		x, codes := x[i*halfBlock:][:halfBlock], codes[i*halfBlock/2:][:halfBlock/2]
		for j := range codes {
			codes[j] = closest(&values, x[2*j]) | closest(&values, x[2*j+1])<<4
		}
	}
}

// closest returns the code of the value with the least distance from x, rounded to float32, of several
// the first. The values of the other sign are no closer than 0 is.
func closest(values *[8]float32, x float32) (code uint8) {
	mag := min(math.Float32frombits(math.Float32bits(x)&^f32Sign), math.MaxFloat32)
	least := mag
	for c, v := range values[1:] {
		d := math.Float32frombits(math.Float32bits(v-mag) &^ f32Sign)
		if d < least {
			code, least = uint8(c)+1, d
		}
	}
	if x < 0 && code != 0 {
		code |= signE2M1
	}
	return code
}

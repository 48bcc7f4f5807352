package mx

import (
	"github.com/trueup-rl/trueup/fp4"
	"github.com/trueup-rl/trueup/fp6"
	"github.com/trueup-rl/trueup/fp8"
)

// A Format is the type of the codes.
type Format uint8

const (
	E4M3 Format = iota // MXFP8: a byte a code, package fp8
	E5M2               // MXFP8: a byte a code, package fp8
	E2M3               // MXFP6: the low six bits of a byte a code, package fp6
	E3M2               // MXFP6: the low six bits of a byte a code, package fp6
	E2M1               // MXFP4: two codes a byte, the even column in the low nibble, package fp4

	formatCount = iota
)

// element describes a format's values.
type element struct {
	mantissa uint    // bits
	exponent int     // of the largest value
	least    int     // exponent of the smallest normal value
	max      float32 // largest value
	nan      uint8   // code of NaN, or else of the largest value
	sign     uint8   // of a code
	bytes    int     // of a block's codes
}

var elements = [formatCount]element{
	E4M3: {3, 8, -6, fp8.MaxE4M3, 0x7F, 0x80, BlockSize},
	E5M2: {2, 15, -14, fp8.MaxE5M2, 0x7F, 0x80, BlockSize},
	E2M3: {3, 2, 0, fp6.MaxE2M3, 0x1F, 0x20, BlockSize},
	E3M2: {2, 4, -2, fp6.MaxE3M2, 0x1F, 0x20, BlockSize},
	E2M1: {1, 2, 0, fp4.Max, 7, 8, BlockSize / 2},
}

// RowBytes returns the number of bytes that the codes of a row of cols columns take: 16 a block for
// E2M1, 32 for the others. It panics if f is none of the constants.
func (f Format) RowBytes(cols int) int { return RowScales(cols) * f.element().bytes }

// Max returns the largest value of f. It panics if f is none of the constants.
func (f Format) Max() float32 { return f.element().max }

func (f Format) element() *element {
	if f >= formatCount {
		panic("mx: unknown format")
	}
	return &elements[f]
}

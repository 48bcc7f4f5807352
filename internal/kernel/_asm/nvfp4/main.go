// Command nvfp4 generates the kernels of NVFP4: block maxima, block scales, and
// codes from values and back.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/reg"

	. "github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

func main() {
	ConstraintExpr("!purego")
	for _, l := range []Level{AVX2, AVX512} {
		blockAMax(l)
		blockAMaxBF16(l)
		scalesModelOpt(l)
		scalesTE(l)
		blockMultipliers(l)
		divisorParts(l)
	}
	for _, s := range []source{float32s, bf16s} {
		encodeMul(s)
		encodeDiv(s)
		encodeDivide(s)
		encodeMulWide(s)
		encodeDivWide(s)
		encodeDivideWide(s)
	}
	for _, o := range outputs {
		decode(o)
		decodeWide(o)
	}
	Generate()
}

// perGroup returns the number of blocks in a group: one a lane.
func perGroup(l Level) int { return l.Bytes / 4 }

const (
	blockLen   = 16
	blockBytes = blockLen / 2 // of codes
)

// by says how many bytes a block takes at a pointer.
func by(pointer Register, bytes int) Advance { return Advance{Pointer: pointer, Bytes: uint32(bytes)} }

// groups opens the loop over groups of blocks and returns what closes it.
func groups(l Level, perBlock ...Advance) (end func()) {
	for i := range perBlock {
		perBlock[i].Bytes *= uint32(perGroup(l))
	}
	return Groups(perBlock...)
}

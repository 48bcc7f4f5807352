package kernel

//go:generate env GOWORK=off go -C _asm run ./hadamard -out ../zhadamard_amd64.s -stubs ../zhadamard_amd64.go -pkg kernel
//go:generate env GOWORK=off go -C _asm run ./arm64/hadamard -out ../zhadamard_arm64.s -stubs ../zhadamard_arm64.go -pkg kernel

import (
	"math"
	"math/bits"
)

// The Hadamard transform of blocks of 16: H[i][j] = ±1/4, negative where i&j has
// an odd number of bits set.
//
// Its sums run over i = 0 to 15 in that order, which is what other
// implementations' bits ask for, and what keeps a butterfly out. But rows i and
// i+8 of H have the same signs in the first eight columns, and opposite ones in
// the last eight, so that the sums over the first eight rows are the same in
// both halves.

// hadamardSigns are the factors of a block.
type hadamardSigns struct {
	in   [16]float32    // of value i: 1/4 with its own sign
	rows [16][8]float32 // in[i], with the signs of row i of H in the first eight columns
	out  [16]uint32     // sign bits that are flipped in the result
}

// Hadamard sets dst to x·diag(signs)·H block by block, where bit i of signs negates value i. len(dst)
// is len(x), a multiple of 16; the two may be the same slice.
//
//	dst[j] = 0 + x[0]*h[0][j] + … + x[15]*h[15][j],  h = diag(signs)·H
//
// Each product and each sum is rounded. Every NaN is as good as another.
func Hadamard(dst, x []float32, signs uint16) {
	hadamard(dst, x, signs, 0)
}

// HadamardInverse sets dst to x·H·diag(signs) block by block, in the order of Hadamard.
func HadamardInverse(dst, x []float32, signs uint16) {
	hadamard(dst, x, 0, signs)
}

func hadamard(dst, x []float32, in, out uint16) {
	s := signsOfHadamard(in, out)
	n := hadamardFast(dst, x, &s)
	hadamardGeneric(dst[n:], x[n:], &s)
}

func signsOfHadamard(in, out uint16) (s hadamardSigns) {
	for i := range s.in {
		s.in[i] = flipSign(0.25, uint32(in)>>i)
		s.out[i] = uint32(out) >> i << 31
		for j := range s.rows[i] {
			s.rows[i][j] = flipSign(s.in[i], uint32(bits.OnesCount(uint(i&j))))
		}
	}
	return s
}

// flipSign returns x, negated if n is odd.
func flipSign(x float32, n uint32) float32 {
	return math.Float32frombits(math.Float32bits(x) ^ n<<31)
}

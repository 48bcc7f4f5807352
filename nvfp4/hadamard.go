package nvfp4

import (
	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/roundoff"
)

// Signs are the signs of a random Hadamard transform: bit i is set if value i of a block is negated.
type Signs uint16

const (
	// NoSigns makes the transform a plain one.
	NoSigns Signs = 0

	// RandomSigns are the constant signs of TransformerEngine (with_random_sign_mask) and fouroversix:
	// + + + - + - - - - - - + - + - -.
	RandomSigns Signs = 0b1101_0111_1110_1000
)

// Hadamard sets each block of 16 values in dst to that in x times diag(signs)·H, where H is the
// Sylvester matrix of order 16 over 4, which is orthogonal and symmetric: an outlier is spread over
// its block. It is the transform of TransformerEngine at commit d0067d0d and of fouroversix at commit
// dadfad69, which quantize its result with the amax of that:
//
//	dst[j] = Σ ±(x[i]*0.25)      the sum from i = 0 to 15, each term rounded to float32
//
// They agree to the bit unless terms are subnormal. A block with a NaN or two infinities has NaNs.
//
// dst and x may be the same slice, but must not overlap otherwise. It panics if the lengths differ or
// are not a multiple of 16: blocks may not cross rows.
func Hadamard(dst, x []float32, signs Signs) {
	checkBlocks(len(dst), len(x))
	kernel.Hadamard(dst, x, uint16(signs))
}

// HadamardBF16 is [Hadamard] of BF16 values, summed in float32 and then rounded to BF16.
func HadamardBF16(dst, x []bf16.BF16, signs Signs) { hadamardBF16(dst, x, signs, false) }

// HadamardInverse undoes Hadamard with the same signs, but for rounding: each block times H·diag(signs).
func HadamardInverse(dst, x []float32, signs Signs) {
	checkBlocks(len(dst), len(x))
	kernel.HadamardInverse(dst, x, uint16(signs))
}

// HadamardInverseBF16 is [HadamardInverse] of BF16 values, summed in float32 and then rounded to BF16.
func HadamardInverseBF16(dst, x []bf16.BF16, signs Signs) { hadamardBF16(dst, x, signs, true) }

func hadamardBF16(dst, x []bf16.BF16, signs Signs, inverse bool) {
	checkBlocks(len(dst), len(x))
	var buf [chunkLen]float32
	for len(x) > 0 {
		n := min(len(x), chunkLen)
		wide := buf[:n]
		bf16.Decode(wide, x[:n])
		if inverse {
			kernel.HadamardInverse(wide, wide, uint16(signs))
		} else {
			kernel.Hadamard(wide, wide, uint16(signs))
		}
		bf16.Encode(dst[:n], wide)
		dst, x = dst[n:], x[n:]
	}
}

// HadamardTransposed sets dst, row-major with cols rows of rows columns, to the transform of the
// transpose of x, row-major with rows rows of cols columns: the operand that TransformerEngine
// quantizes for the gradient of weights. dst and x must not overlap. It panics unless both lengths are
// rows × cols and rows is a multiple of 16.
func HadamardTransposed[T float32 | bf16.BF16](dst, x []T, rows, cols int, signs Signs) {
	checkSize(len(dst), rows, cols)
	checkSize(len(x), rows, cols)
	if rows%BlockSize != 0 {
		panic("nvfp4: length is not a multiple of 16")
	}
	var buf [chunkLen]float32
	var line [kernel.NVFP4Chunk]float32
	for r := 0; r < rows; r += BlockSize {
		for c := 0; c < cols; c += kernel.NVFP4Chunk {
			n := min(cols-c, kernel.NVFP4Chunk) // a block for each of these columns
			for i := range BlockSize {
				roundoff.Widen(line[:n], x[(r+i)*cols+c:][:n])
				for j, v := range line[:n] {
					buf[j*BlockSize+i] = v
				}
			}
			kernel.Hadamard(buf[:n*BlockSize], buf[:n*BlockSize], uint16(signs))
			for j := range n {
				round(dst[(c+j)*rows+r:][:BlockSize], buf[j*BlockSize:][:BlockSize])
			}
		}
	}
}

// round sets dst to src, rounded to its type.
func round[T float32 | bf16.BF16](dst []T, src []float32) {
	switch dst := any(dst).(type) {
	case []float32:
		copy(dst, src)
	case []bf16.BF16:
		bf16.Encode(dst, src)
	}
}

func checkBlocks(dst, x int) {
	if dst != x {
		panic("nvfp4: lengths of dst and x differ")
	}
	if x%BlockSize != 0 {
		panic("nvfp4: length is not a multiple of 16")
	}
}

package nvfp4

import (
	"math"

	"github.com/trueup-rl/trueup/fp4"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// A Recipe names the arithmetic of one implementation, in one version. What its name stands for
// never changes: a new version that rounds otherwise gets a new name.
//
// Below, a is the amax given, b the largest magnitude of a block, s the block scale as stored, and x
// a value. All arithmetic is in float32: each * and / rounds once to nearest even, in the order
// written. min and max keep NaN. e4m3 is [fp8.E4M3FromFloat32], which saturates at 448 and turns NaN
// into 0x7F, whatever sign the implementation's NaN has; e2m1 rounds to the nearest value, ties to
// the even code, saturating at 6, with the sign bit set if and only if its argument is below 0.
//
// An infinity in a tensor whose amax is given as a finite number saturates; a NaN makes the scale of
// its block NaN, hence the block decode to NaN.
type Recipe uint8

const (
	// Default is ModelOpt's bytes, except where ModelOpt writes NaN for an input without NaN and
	// infinities:
	//
	//	a = 0               g is 1, so all scales are 1 (0x38) and all codes 0
	//	b = 0               s is 1, also if g underflowed to 0
	//
	// With a NaN or an infinity in a, all values decode to NaN: no NVFP4 tensor can stand for such an
	// input, and none is made up. AMax tells before.
	Default Recipe = iota

	// ModelOpt is NVFP4QTensor.quantize and dequantize of NVIDIA ModelOpt 0.47.0, dynamic block
	// scales, on the CPU.
	//
	//	TensorScale g   a/2688                          multiplies when decoding
	//	block scale s   e4m3(max(b/(6*g), 2^-9))        1 if the quotient is 0, as for b = 0
	//	code            e2m1(x/(s*g))                   NaN gives 7
	//	decoded         e2m1⁻¹(code)*(s*g)              code 8 reads as +0
	//
	// An all-zero tensor has g = 0, scales NaN and codes 7, and decodes to NaN. So does a block of
	// zeros where a/2688 underflows to 0 (a below 1.9e-42).
	//
	// If a is infinite, so is g: blocks with an infinity have scale NaN and codes 7, others scale 1
	// and codes 0. If a is NaN, g and all scales are NaN, and all codes 7.
	ModelOpt

	// TransformerEngine is NVFP4QuantizerRef, 1×16 tiles, of NVIDIA TransformerEngine at commit
	// d0067d0d; decoding is dequantize_fp4_kernel of the same commit.
	//
	//	TensorScale     a
	//	                S = min(2688/a, MaxFloat32)     1 if a is 0 or S is 0
	//	block scale s   e4m3(b*(S*(1/6)))               may underflow to 0, as for b = 0
	//	code            e2m1(x*min(1/(s*(1/S)), MaxFloat32))   NaN gives 0
	//	decoded         e2m1⁻¹(code)*((s*a)*(1/2688))   code 8 reads as -0
	//
	// A block whose scale underflows has codes 7 and F for all that is not 0; it decodes to 0. An
	// all-zero tensor has scales and codes 0. Decoding overflows if a exceeds MaxFloat32/448.
	//
	// If a is infinite, S is 1: a block with an infinity has scale 448 and code 7 or F there. If a is
	// NaN, all scales are NaN and all codes 0.
	TransformerEngine
)

// arithmetic is what a recipe is made of.
type arithmetic struct {
	// global returns TensorScale, and the number that the scale rule takes, for an amax a ≥ 0 or NaN.
	global func(a float32) (tensorScale, global float32)
	scale  scaleRule
	code   codeRule
	// A block is decoded with (s*TensorScale)*unit.
	unit         float32
	negativeZero bool // code 8 reads as -0
}

var recipes = [...]arithmetic{
	Default: {
		global: func(a float32) (float32, float32) {
			if a == 0 {
				return 1, 1
			}
			return a / fullScale, a / fullScale
		},
		scale: perTensorScaleZeroIsOne,
		code:  quotient,
		unit:  1,
	},
	ModelOpt: {
		global: func(a float32) (float32, float32) { return a / fullScale, a / fullScale },
		scale:  perTensorScale,
		code:   quotient,
		unit:   1,
	},
	TransformerEngine: {
		global: func(a float32) (float32, float32) {
			s := min(fullScale/a, math.MaxFloat32)
			if a == 0 || s == 0 {
				s = 1
			}
			return a, s
		},
		scale:        timesGlobal,
		code:         product,
		unit:         float32(1.0 / fullScale),
		negativeZero: true,
	},
}

// 2688: what the largest code and the largest block scale make of a TensorScale of 1.
const fullScale = fp4.Max * fp8.MaxE4M3

// scaleRule turns the maxima of blocks into their scales and the factors that the code rule takes.
type scaleRule uint8

const (
	perTensorScale          scaleRule = iota // of ModelOpt
	perTensorScaleZeroIsOne                  // of Default
	timesGlobal                              // of TransformerEngine
)

func (r scaleRule) apply(scales []uint8, factor, amax []float32, global float32) {
	switch r {
	case timesGlobal:
		kernel.ScalesTE(scales, factor, amax, global)
	default:
		kernel.ScalesModelOpt(scales, factor, amax, global, r == perTensorScaleZeroIsOne)
	}
}

// codeRule turns values and their block's factor into codes.
type codeRule uint8

const (
	quotient codeRule = iota // x/factor, NaN gives 7
	product                  // x*factor, NaN gives 0
)

func (r codeRule) apply(codes []byte, x, factor []float32) {
	switch r {
	case product:
		kernel.EncodeE2M1Mul(codes, x, factor)
	default:
		kernel.EncodeE2M1Div(codes, x, factor)
	}
}

func (r codeRule) applyBF16(codes []byte, x []uint16, factor []float32) {
	switch r {
	case product:
		kernel.EncodeE2M1MulBF16(codes, x, factor)
	default:
		kernel.EncodeE2M1DivBF16(codes, x, factor)
	}
}

// arithmetic returns what r is made of. It panics if r is unknown.
func (r Recipe) arithmetic() *arithmetic {
	if int(r) >= len(recipes) {
		panic("nvfp4: unknown recipe")
	}
	return &recipes[r]
}

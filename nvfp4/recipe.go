package nvfp4

import (
	"math"

	"github.com/trueup-rl/trueup/fp4"
	"github.com/trueup-rl/trueup/fp8"
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

// 2688: what the largest code and the largest block scale make of a TensorScale of 1.
const fullScale = fp4.Max * fp8.MaxE4M3

const (
	maxFloat32   = float32(math.MaxFloat32)
	sixth        = float32(1.0 / fp4.Max)
	invFullScale = float32(1.0 / fullScale)
)

const unknownRecipe = "nvfp4: unknown recipe"

// encoder is a recipe with what it derives from a tensor's amax.
type encoder struct {
	recipe      Recipe
	tensorScale float32
	global      float32 // ModelOpt: g; TransformerEngine: S
}

func newEncoder(r Recipe, amax float32) encoder {
	if amax < 0 {
		panic("nvfp4: negative amax")
	}
	e := encoder{recipe: r}
	switch r {
	case Default, ModelOpt:
		e.global = amax / fullScale
		if r == Default && amax == 0 {
			e.global = 1
		}
		e.tensorScale = e.global
	case TransformerEngine:
		e.global = min(fullScale/amax, maxFloat32)
		if amax == 0 || e.global == 0 {
			e.global = 1
		}
		e.tensorScale = amax
	default:
		panic(unknownRecipe)
	}
	return e
}

// blockScale returns the scale of a block whose largest magnitude is b.
func (e *encoder) blockScale(b float32) fp8.E4M3 {
	switch e.recipe {
	case TransformerEngine:
		return fp8.E4M3FromFloat32(float32(b * (e.global * sixth)))
	default: // Default and ModelOpt
		s := b / (fp4.Max * e.global)
		if s == 0 || b == 0 && e.recipe == Default {
			s = 1
		}
		return fp8.E4M3FromFloat32(max(s, fp8.SmallestNonzeroE4M3))
	}
}

// encode packs the codes of a block with scale s.
func (e *encoder) encode(codes *[blockBytes]byte, x *[BlockSize]float32, s fp8.E4M3) {
	switch e.recipe {
	case TransformerEngine:
		m := min(1/(s.Float32()*(1/e.global)), maxFloat32)
		for i := range codes {
			codes[i] = fp4.Pack(codeNaN0(float32(x[2*i]*m)), codeNaN0(float32(x[2*i+1]*m)))
		}
	default: // Default and ModelOpt
		d := float32(s.Float32() * e.global)
		for i := range codes {
			codes[i] = fp4.Pack(code(x[2*i]/d), code(x[2*i+1]/d))
		}
	}
}

// code is e2m1 with code 7 for NaN: fp4.FromFloat32, but for -0, which is not below 0.
func code(v float32) fp4.E2M1 {
	if v == 0 {
		return 0
	}
	return fp4.FromFloat32(v)
}

// codeNaN0 is e2m1 with code 0 for NaN.
func codeNaN0(v float32) fp4.E2M1 {
	if v != v {
		return 0
	}
	return code(v)
}

// decoder is a recipe with a tensor's scale.
type decoder struct {
	recipe      Recipe
	tensorScale float32
}

func newDecoder(r Recipe, tensorScale float32) decoder {
	if int(r) >= len(recipeNames) {
		panic(unknownRecipe)
	}
	return decoder{r, tensorScale}
}

// decode sets x to the values of a block with scale s.
func (d *decoder) decode(x *[BlockSize]float32, codes *[blockBytes]byte, s fp8.E4M3) {
	const negativeZero = 8
	m, zero := float32(s.Float32()*d.tensorScale), fp4.E2M1(0)
	if d.recipe == TransformerEngine {
		m, zero = float32(m*invFullScale), negativeZero
	}
	for i := range x {
		c := fp4.FromBits(codes[i/2] >> (i % 2 * 4))
		if c == negativeZero {
			c = zero
		}
		x[i] = float32(c.Float32() * m)
	}
}

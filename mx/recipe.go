package mx

import (
	"fmt"
	"math"
)

// A Recipe names the arithmetic of one implementation, in one version. What its name stands for
// never changes: a new version that rounds otherwise gets a new name.
//
// Below, b is the largest magnitude of a block, emax and max the exponent of the format's largest
// value and that value, s the scale as stored and x a value. All arithmetic is in float32, also for
// BF16 input, and rounds once to nearest even. exponent(b) is that of b as a float32, -127 if b is
// subnormal. The exponent of a scale is clamped to those of E8M0, -127 to 127.
//
// The code of a value is that of x/s, a quotient without rounding error unless it leaves float32's
// range. Where nothing else is said it is rounded to the nearest value, ties to even, saturating, and
// a sign bit is copied: -0, and what underflows to it, gives the code of -0. A value is decoded by
// value(code)*s, and the code of -0 reads as -0.
//
// In every recipe, a block of zeros decodes to zeros; an infinity counts as 2^128 in b and
// saturates; a NaN makes the scale of its block NaN (0xFF), hence the block decode to NaN. The codes
// of such a block are those of x/∞ if not said otherwise, with the code of NaN, or where the format
// has none of its largest value, for NaNs and infinities.
type Recipe uint8

const (
	// Default is the conversion of the OCP Microscaling specification 1.0: TorchAOFloor, but exact
	// for scale 2^-127 too.
	//
	//	exponent of s   exponent(b) - emax
	//	zero block      2^-127, codes 0
	//	formats         all
	Default Recipe = iota

	// RCeil takes the smallest scale with which no value saturates.
	//
	//	exponent of s   the least e with b <= max*2^e, 127 for an infinity
	//	zero block      2^-127, codes 0
	//	formats         all
	//
	// That is b/max, unless it is subnormal, rounded up to a power of two by its bits, as CUDA's
	// cvt.rp.satfinite.ue8m0 does. It differs from TorchAORCeil and ModelOpt for some of the first 42
	// float32s above max*2^e, and in the smallest scale.
	RCeil

	// TorchAOFloor, TorchAOCeil and TorchAOEven are to_mx of torchao 0.18.0 with these values of
	// ScaleCalculationMode.
	//
	//	                floor                 ceil                             even
	//	exponent of s   exponent(b) - emax    one more if b's mantissa is      exponent(b + half) - emax, half of a step
	//	                                      not 0                            of the format's mantissa added to b's bits
	//	zero block      2^-127, codes 0
	//	formats         all
	//
	// Scale 2^-127 divides like 2^-126: such blocks decode to half of their values.
	TorchAOFloor
	TorchAOCeil
	TorchAOEven

	// TorchAORCeil is to_mx of torchao 0.18.0 with ScaleCalculationMode.RCEIL, not compiled, on the
	// CPU.
	//
	//	exponent of s   ceil(log2(b/max))     log2 rounded to float32, and -127 if less
	//	zero block      2^-127, codes 0
	//	formats         all
	//	NaN block       all codes those of NaN
	//
	// Where log2 rounds to an integer from above, the scale is half of what RCeil gives and the
	// largest values saturate: up to 22 float32 steps of b/max above a power of two, the more the
	// further that is from 1. Scale 2^-127 divides like 1.
	TorchAORCeil

	// ModelOpt is MXFP4QTensor.quantize and MXFP8QTensor.quantize of NVIDIA ModelOpt 0.47.0, on the
	// CPU.
	//
	//	exponent of s   ceil(log2(b/max))     as TorchAORCeil, but scale 2^-127 divides exactly
	//	E2M1 codes      ties toward 0; both zeros, and what underflows to them, give 8, NaN 7
	//	zero block      2^-127, codes 0 (E4M3, signs copied) or 8 (E2M1)
	//	formats         E4M3, E2M1
	//
	// For a block with a NaN, ModelOpt writes scale 2^-127, and codes that are all 8 (E2M1) or ±448
	// (E4M3): the NaN is lost. So it does in E2M1 for an infinity. This recipe does not.
	ModelOpt

	// CompressedTensors is schemes MXFP4 and MXFP8 of compressed-tensors 0.20.0.
	//
	//	exponent of s   exponent(b + half) - emax, half of a step of E2M1's mantissa added to b's bits,
	//	                for E4M3 too: 448 gives scale 2
	//	quotient        in BF16 if x is, else in float32
	//	E2M1 codes      the sign bit if and only if the quotient is below 0; NaN gives 0
	//	zero block      2^-127, codes 0
	//	formats         E4M3, E2M1
	CompressedTensors

	// DeepGEMM is per_token_cast_to_fp4 and per_token_cast_to_fp8 of DeepGEMM at commit 54e2261, with
	// gran_k 32 and use_ue8m0.
	//
	//	exponent of s   that of max(b, 1e-4)/max, rounded up to a power of two by its bits
	//	E2M1 codes      ties toward 0; the sign bit if and only if the code is not 0; NaN gives 7
	//	zero block      2^-15 (E2M1), 2^-22 (E4M3), codes 0
	//	formats         E4M3, E2M1
	DeepGEMM

	// FBGEMMFloor, FBGEMMCeil, FBGEMMEven and FBGEMMNearest are py_quantize_mx4 of FBGEMM at commit
	// 71d6f8b2 with these rounding modes, groups of 32 and E2M1; ceil is FBGEMM's default.
	//
	//	                floor            ceil            even                           nearest
	//	exponent of s   floor(log2(b))   ceil(log2(b))   floor(log2(b + 0x1FFFFF in     floor(log2(b) + 0.5)
	//	                                                 b's bits))
	//	                all less 2, at most 125, log2 and the sum rounded to float32
	//	codes           ties away from 0; NaN gives 7
	//	zero block      2^-127, codes 0
	//	formats         E2M1
	//
	// Above 1.75·2^127 even gives 125, where FBGEMM takes the logarithm of a NaN.
	//
	// Where log2 rounds to an integer, floor may be one more, and ceil one less than the exact one.
	// FBGEMM stores 16 bytes of codes and the scale by turns; a Tensor keeps them apart.
	FBGEMMFloor
	FBGEMMCeil
	FBGEMMEven
	FBGEMMNearest

	// GGML is quantize_row_mxfp4_ref of ggml at commit d99724f2.
	//
	//	exponent of s   floor(log2(b)) - 2    log2 rounded to float32
	//	codes           that of the value v with the least |v*s - x|, rounded to float32, of several the
	//	                one nearest to 0; the sign bit if and only if the code is not 0; NaN gives 0,
	//	                an infinity 5 or 13
	//	zero block      2^-127, codes 0
	//	formats         E2M1
	//
	// For b below 2^-125, ggml converts a negative number to a byte, which C leaves undefined (on
	// amd64 it wraps around, to scales that decode such blocks to garbage). Here, such a block has
	// scale 2^-127. ggml stores a scale, then 16 bytes with columns j and j+16 together, by turns; a
	// Tensor keeps scales apart and columns in order.
	GGML

	// MicroxcalingNearest and MicroxcalingEven are _quantize_mx of microxcaling at commit 7bc41952
	// with round="nearest" and "even".
	//
	//	exponent of s   floor(log2(b)) - emax    log2 rounded to float32
	//	codes           x/s in steps of the format, n: nearest is floor(|n| + 0.5), ties away from 0;
	//	                even is that less 1 if |n| - 0.5 is an even number, ties to even. The sum is
	//	                rounded to float32, so that 0.5 - 2^-25 of the smallest step is rounded up. The
	//	                sign bit is set if and only if x/s is below 0
	//	zero block      2^-127, codes 0
	//	formats         E4M3, E5M2, E2M1
	//
	// microxcaling simulates: it gives values and not codes, and keeps infinities.
	MicroxcalingNearest
	MicroxcalingEven

	recipeCount = iota
)

// row is what a recipe is made of.
type row struct {
	rule exponentRule
	// What values of blocks with scales 2^-127 and NaN are multiplied with.
	zero, nan float32
	codes     codes
}

var rows = [recipeCount]row{
	Default:             {floor, exact, 0, all},
	RCeil:               {leastWithoutSaturation, exact, 0, all},
	TorchAOFloor:        {floor, 0x1p126, 0, all},
	TorchAOCeil:         {ceil, 0x1p126, 0, all},
	TorchAOEven:         {even, 0x1p126, 0, all},
	TorchAORCeil:        {ceilLog2OfQuotient, 1, nan, all},
	ModelOpt:            {ceilLog2OfQuotient, exact, 0, less(modelOpt)},
	CompressedTensors:   {evenOfE2M1, exact, 0, less(below0)},
	DeepGEMM:            {ceilOfQuotient, exact, 0, less(deepGEMM)},
	FBGEMMFloor:         {fbgemm(floorLog2), exact, 0, codes{E2M1: away}},
	FBGEMMCeil:          {fbgemm(ceilLog2), exact, 0, codes{E2M1: away}},
	FBGEMMEven:          {fbgemm(floorLog2OfSum), exact, 0, codes{E2M1: away}},
	FBGEMMNearest:       {fbgemm(floorLog2AndHalf), exact, 0, codes{E2M1: away}},
	GGML:                {floorOfLog2, exact, 0, codes{E2M1: ggml}},
	MicroxcalingNearest: {floorOfLog2, exact, 0, codes{E4M3: countAway, E5M2: countAway, E2M1: countAway}},
	MicroxcalingEven:    {floorOfLog2, exact, 0, codes{E4M3: countEven, E5M2: countEven, E2M1: countEven}},
}

// exact is 1/2^-127.
const exact = 0x1p127

var nan = float32(math.NaN())

// Check returns an error unless r and f are constants of this package and the implementation that r
// names has the format.
func (r Recipe) Check(f Format) error {
	switch {
	case r >= recipeCount:
		return fmt.Errorf("mx: no recipe %d", uint8(r))
	case f >= formatCount:
		return fmt.Errorf("mx: no format %d", uint8(f))
	case rows[r].codes[f] == noCodes:
		return fmt.Errorf("mx: recipe %v does not give %v, but %v", r, f, rows[r].codes.formats())
	}
	return nil
}

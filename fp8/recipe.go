package fp8

import (
	"fmt"
	"math"
	"slices"
)

// A Recipe names the arithmetic of one implementation, in one version: how a tile gets its scale and
// its values their codes. What its name stands for never changes: a new version that rounds otherwise
// gets a new name.
//
// Below, a is the largest magnitude of a tile ([AMax]: NaN if it holds one), m the format's largest
// finite value, 448 or 57344, and x a value. Each * and / rounds once to nearest even, to float32,
// and where the recipe says "in the input's type" then to the type of the input: a BF16 matrix gets
// other bits than the float32 matrix of the same values, in 1 to 5 of 100 codes. max keeps NaN. cast
// rounds to the format, ties to even, and saturates; every NaN gives the code 0x7F. Zeros keep their
// sign.
//
// Scale is what [Tensor].Scales holds. Decoding multiplies, code*Scale, unless the recipe says that
// Scale divides: this is what each implementation stores, and no other number gives its bits.
//
// Tiles of zeros have codes of zero, unless their scale is 0: then 0/0 makes all codes NaN, as in the
// implementation, and the recipe says so. Where such a scale is 0 because it underflows, in tiles of
// the tiniest numbers, codes saturate and decode to 0.
//
// A NaN makes the scale of its tile NaN, and the tile decodes to NaN. An infinity makes it infinite (0
// where Scale divides), and the other numbers of the tile decode to NaN or 0. [AMax] tells before.
// TransformerEnginePow2 and DeepGEMMUE8M0 take other scales then, and say which.
type Recipe uint8

const (
	// Default is float32 arithmetic on inputs of every type: [ScaleE4M3] and [QuantizeE4M3].
	//
	//	Scale s   a/m            1 where that is 0: for tiles of zeros, and a below 2^-150*m
	//	code      cast(x/s)
	//
	// For float32 inputs its bytes are those of ModelOpt, CompressedTensors and TorchAO, but where the
	// quotient is 0.
	Default Recipe = iota

	// ModelOpt is FP8QTensor.quantize of NVIDIA ModelOpt 0.47.0. Both divisions are in the input's
	// type.
	//
	//	Scale s   a/448          0 for tiles of zeros, with codes NaN
	//	code      cast(x/s)
	//
	// [FormatE4M3] only, like all that write 448.
	ModelOpt

	// CompressedTensors is compressed-tensors 0.20.0: calculate_qparams and quantize. Both divisions
	// are in the input's type, and eps is that type's: 2^-23 for float32, 2^-7 for BF16, 2^-10 for
	// FP16.
	//
	//	Scale s   a/448          eps where that is 0: for tiles of zeros
	//	code      cast(x/s)
	CompressedTensors

	// TorchAO is the affine float8 of torchao 0.18.0: _choose_scale_float8, whose division is in the
	// input's type, and _quantize_affine_float8.
	//
	//	Scale s   a/m            0 for tiles of zeros, with codes NaN
	//	code      cast(x/s)      in float32
	TorchAO

	// TorchAOE8M0 is TorchAO with a scale of type float8_e8m0fnu: the power of two nearest to a/m by
	// its logarithm. Both the quotient and its logarithm are in the input's type, so that a BF16
	// input ties often.
	//
	//	Scale s   2^round(log2(a/m))    half to even; 0 for tiles of zeros, with codes NaN
	//	code      cast(x/s)             in float32
	TorchAOE8M0

	// TorchAOTraining is the float8 training of torchao 0.18.0: tensor_to_scale and
	// to_fp8_saturated.
	//
	//	Scale s   m/max(a, 1e-12)       in float64, then rounded to float32; divides when decoding
	//	code      cast(x*s)
	TorchAOTraining

	// TorchAOTrainingPow2 is TorchAOTraining with round_scales_to_power_of_2.
	//
	//	Scale s   2^floor(log2(m/max(a, 1e-12)))    divides when decoding
	//	code      cast(x*s)
	//
	// The logarithm is rounded to float32: a scale a few ulp below a power of two becomes that power.
	TorchAOTrainingPow2

	// TransformerEngine is the current scaling and the blockwise scaling of NVIDIA TransformerEngine
	// at commit d0067d0d: CurrentScalingQuantizerRef and BlockwiseQuantizerReference, with an eps of
	// 0.
	//
	//	          S = m/a               the largest finite value of the input's type where that is
	//	                                infinite, 1 for tiles of zeros
	//	Scale     1/S
	//	code      cast(x*S)
	TransformerEngine

	// TransformerEnginePow2 is TransformerEngine with power-of-two scales: S is rounded down to one.
	// In a tile with a NaN it is 0.5, since frexp has no exponent for NaN: numbers keep their values,
	// as far as the format reaches.
	TransformerEnginePow2

	// DeepGEMM is per_token_cast_to_fp8 and per_block_cast_to_fp8 of DeepGEMM at commit 54e2261.
	//
	//	Scale s   max(a, 1e-4)/448
	//	code      cast(x*(1/s))
	DeepGEMM

	// DeepGEMMUE8M0 is DeepGEMM with use_ue8m0: s is rounded up to a power of two by its bits, at least
	// 2^-126 and at most 2^127. The scale of a tile with a NaN or an infinity is 2^127: its numbers
	// decode to 0, or to no more than a few 2^127. [PackUE8M0] packs the scales.
	DeepGEMMUE8M0

	// FBGEMM is quantize_fp8_row and quantize_fp8_block of FBGEMM at commit 71d6f8b2, on the CPU.
	//
	//	          S = 448*(1/max(a, tiny))    tiny is 1e-12 rounded to the input's type; 1 where S is
	//	                                      infinite
	//	Scale     1/S
	//	code      cast(x*S)
	FBGEMM

	// FBGEMMGroup is quantize_fp8_group of the same commit: FBGEMM with a tiny of 1e-12 in float32.
	FBGEMMGroup
)

// arithmetic is what a recipe is made of.
type arithmetic struct {
	tiles   []Tile
	formats []Format
	// scale returns Scale, and the factor that the operation takes, for a tile's largest magnitude
	// a ≥ 0 or NaN and a format's m.
	scale   func(a, m float32, in *precision) (scale, factor float32)
	code    operation
	divides bool // Scale divides when decoding
}

var (
	allTiles   = []Tile{PerTensor, PerRow, Tile1x32, Tile1x128, Tile128x128}
	allFormats = []Format{FormatE4M3, FormatE5M2}
	onlyE4M3   = []Format{FormatE4M3}
)

var recipes = [...]arithmetic{
	Default: {
		tiles: allTiles, formats: allFormats,
		scale: func(a, m float32, _ *precision) (float32, float32) { return both(scale(a, m)) },
		code:  divide,
	},
	ModelOpt: {
		tiles: []Tile{PerTensor, PerRow, Tile1x128, Tile128x128}, formats: onlyE4M3,
		scale: quotientInInput,
		code:  divideInInput,
	},
	CompressedTensors: {
		tiles: []Tile{PerTensor, PerRow, Tile128x128}, formats: onlyE4M3,
		scale: func(a, m float32, in *precision) (float32, float32) {
			s := in.round(a / m)
			if s == 0 {
				s = in.epsilon
			}
			return both(s)
		},
		code: divideInInput,
	},
	TorchAO: {
		tiles: []Tile{PerTensor, PerRow, Tile1x128, Tile128x128}, formats: allFormats,
		scale: quotientInInput,
		code:  divide,
	},
	TorchAOE8M0: {
		tiles: []Tile{PerTensor, PerRow, Tile1x128, Tile128x128}, formats: allFormats,
		scale: func(a, m float32, in *precision) (float32, float32) {
			return both(powerOfLog(in.round(a/m), math.RoundToEven, in))
		},
		code: divide,
	},
	TorchAOTraining: {
		tiles: []Tile{PerTensor, PerRow}, formats: allFormats,
		scale:   func(a, m float32, _ *precision) (float32, float32) { return both(trainingScale(a, m)) },
		code:    multiply,
		divides: true,
	},
	TorchAOTrainingPow2: {
		tiles: []Tile{PerTensor, PerRow}, formats: allFormats,
		scale: func(a, m float32, _ *precision) (float32, float32) {
			return both(powerOfLog(trainingScale(a, m), math.Floor, &precisionFloat32))
		},
		code:    multiply,
		divides: true,
	},
	TransformerEngine: {
		tiles: []Tile{PerTensor, Tile1x128, Tile128x128}, formats: allFormats,
		scale: func(a, m float32, in *precision) (float32, float32) { return inverse(transformerScale(a, m, in)) },
		code:  multiply,
	},
	TransformerEnginePow2: {
		tiles: []Tile{PerTensor, Tile1x128, Tile128x128}, formats: allFormats,
		scale: func(a, m float32, in *precision) (float32, float32) {
			s := transformerScale(a, m, in)
			if s != s {
				return inverse(0.5)
			}
			return inverse(math.Float32frombits(math.Float32bits(s) & infinity))
		},
		code: multiply,
	},
	DeepGEMM: {
		tiles: []Tile{Tile1x32, Tile1x128, Tile128x128}, formats: onlyE4M3,
		scale: func(a, m float32, _ *precision) (float32, float32) {
			s := max(a, 1e-4) / m
			return s, 1 / s
		},
		code: multiply,
	},
	DeepGEMMUE8M0: {
		tiles: []Tile{Tile1x32, Tile1x128, Tile128x128}, formats: onlyE4M3,
		scale: func(a, m float32, _ *precision) (float32, float32) {
			// Adding all ones below the exponent carries into it unless they are zeros.
			exponent := (math.Float32bits(max(a, 1e-4)/m)&^signBit + mantissa) >> 23
			s := math.Float32frombits(min(max(exponent, 1), 254) << 23)
			return s, 1 / s
		},
		code: multiply,
	},
	FBGEMM: {
		tiles: []Tile{PerRow, Tile128x128}, formats: onlyE4M3,
		scale: func(a, m float32, in *precision) (float32, float32) {
			return inverse(fbgemmScale(a, m, in.round(1e-12)))
		},
		code: multiply,
	},
	FBGEMMGroup: {
		tiles: []Tile{Tile1x128}, formats: onlyE4M3,
		scale: func(a, m float32, _ *precision) (float32, float32) { return inverse(fbgemmScale(a, m, 1e-12)) },
		code:  multiply,
	},
}

// both is a Scale that is the factor too.
func both(s float32) (scale, factor float32) { return s, s }

// inverse is a Scale that is the inverse of the factor.
func inverse(s float32) (scale, factor float32) { return 1 / s, s }

func quotientInInput(a, m float32, in *precision) (scale, factor float32) {
	return both(in.round(a / m))
}

func trainingScale(a, m float32) float32 {
	return float32(float64(m) / max(float64(a), 1e-12))
}

func transformerScale(a, m float32, in *precision) float32 {
	if a == 0 {
		return 1
	}
	s := m / a
	if s > math.MaxFloat32 {
		return in.max
	}
	return s
}

func fbgemmScale(a, m, tiny float32) float32 {
	s := float32(m * (1 / max(a, tiny)))
	if s > math.MaxFloat32 {
		return 1
	}
	return s
}

// Parts of a float32.
const (
	signBit  = 1 << 31
	infinity = 0xFF << 23 // the bits of the exponent
	mantissa = 1<<23 - 1
)

// Check returns an error unless the implementation that r names has scales for such tiles of such a
// format.
func (r Recipe) Check(t Tile, f Format) error {
	switch {
	case int(r) >= len(recipes):
		return fmt.Errorf("fp8: no recipe %d", uint8(r))
	case !slices.Contains(recipes[r].tiles, t):
		return fmt.Errorf("fp8: recipe %v has no scales for tiles %v, but for %v", r, t, recipes[r].tiles)
	case !slices.Contains(recipes[r].formats, f):
		return fmt.Errorf("fp8: recipe %v does not give %v, but %v", r, f, recipes[r].formats)
	}
	return nil
}

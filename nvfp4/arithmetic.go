package nvfp4

import (
	"math"

	"github.com/trueup-rl/trueup/fp4"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// arithmetic is what a recipe is made of.
type arithmetic struct {
	// global returns TensorScale, and the number that the scale rules take, for an amax a ≥ 0 or NaN.
	global func(a float32, in input) (tensorScale, global float32)
	scale  scaleRule
	code   codeRule
	choice choice // of a scale by trial

	decode       decodeRule
	negativeZero bool // code 8 reads as -0

	tiled  bool // a scale holds for 16 rows
	perRow bool // each row has an amax of its own
}

// 2688: what the largest code and the largest block scale make of a TensorScale of 1.
const fullScale = fp4.Max * fp8.MaxE4M3

var recipes = [...]arithmetic{
	Default: {
		global: func(a float32, _ input) (float32, float32) {
			if a == 0 {
				return 1, 1
			}
			return a / fullScale, a / fullScale
		},
		scale:  scaleRule{kernel: perTensorScaleZeroIsOne},
		code:   quotient,
		decode: decodeRule{unit: 1},
	},
	ModelOpt: {
		global: func(a float32, _ input) (float32, float32) { return a / fullScale, a / fullScale },
		scale:  scaleRule{kernel: perTensorScale},
		code:   quotient,
		decode: decodeRule{unit: 1},
	},
	TransformerEngine:          transformerEngine,
	TransformerEngineTile:      transformerEngine.with(func(a *arithmetic) { a.tiled = true }),
	TransformerEngineRowScaled: transformerEngine.with(func(a *arithmetic) { a.perRow = true }),

	TransformerEngine4Over6MSE256: transformerEngine4Over6(256, squares),
	TransformerEngine4Over6MSE448: transformerEngine4Over6(448, squares),
	TransformerEngine4Over6MAE256: transformerEngine4Over6(256, magnitudes),
	TransformerEngine4Over6MAE448: transformerEngine4Over6(448, magnitudes),
	TransformerEngine4Over6MSE256Tile: transformerEngine4Over6(256, squares).with(func(a *arithmetic) {
		a.tiled = true
	}),
	TransformerEngine4Over6MSE448Fast: transformerEngine4Over6(448, squares).with(func(a *arithmetic) {
		a.choice.scaled = true
	}),

	CompressedTensors: {
		global: func(a float32, in input) (float32, float32) {
			g := in.round(float32(fullScale * in.round(1/max(a, in.smallestNormal()))))
			if g != g || g > math.MaxFloat32 {
				g = 1
			}
			return g, g
		},
		scale:        scaleRule{kernel: timesDivisor},
		code:         codeRule{divide: true, odd: notFinite, scalar: e2m1OrZero},
		decode:       decodeRule{divide: true},
		negativeZero: true,
	},
	TorchAOTwoLevel: {
		global: func(a float32, _ input) (float32, float32) { return a / fullScale, a / fullScale },
		scale: scaleRule{block: func(b, g float32, _ input) (uint8, float32) {
			s := clampedScale((b / 6) / g)
			return s, (1 / g) / kernel.E4M3ToFloat32(s)
		}},
		code:         codeRule{copySign: true, odd: notFinite, scalar: e2m1OrC},
		decode:       decodeRule{unit: 1},
		negativeZero: true,
	},
	TorchAOOneLevel: {
		global: noGlobal,
		scale: scaleRule{block: func(b, _ float32, _ input) (uint8, float32) {
			s := clampedScale(b / 6)
			return s, 1 / kernel.E4M3ToFloat32(s)
		}},
		code:         codeRule{copySign: true, odd: notFinite, scalar: e2m1Or4},
		decode:       decodeRule{unit: 1},
		negativeZero: true,
	},

	FlashInferTE:         transformerEngine,
	FlashInferTEPerToken: transformerEngine.with(func(a *arithmetic) { a.perRow = true }),
	FlashInferReference: {
		global: func(a float32, _ input) (float32, float32) {
			if a == 0 {
				return 1, 1
			}
			g := float32(fullScale * (1 / a))
			return g, g
		},
		scale: scaleRule{block: func(b, g float32, _ input) (uint8, float32) {
			s := kernel.E4M3FromFloat32(float32(g * float32(b*float32(1.0/6))))
			return s, reciprocal(float32(kernel.E4M3ToFloat32(s) * reciprocal(g)))
		}},
		code:         product,
		decode:       decodeRule{divide: true},
		negativeZero: true,
	},

	GGML: {
		global: noGlobal,
		choice: choice{rule: halvesUp},
		code:   codeRule{divide: true},
		decode: decodeRule{unit: 1, nanIsZero: true},
	},

	FourOverSixMSE:         fourOverSix(squares),
	FourOverSixMAE:         fourOverSix(magnitudes),
	FourOverSixAbsMax:      fourOverSix(largest),
	FourOverSixMSETile:     fourOverSix(squares).with(func(a *arithmetic) { a.tiled = true }),
	FourOverSixStatic6:     fourOverSixStatic(6),
	FourOverSixStatic4:     fourOverSixStatic(4),
	FourOverSixStatic6Tile: fourOverSixStatic(6).with(func(a *arithmetic) { a.tiled = true }),

	OptimalMSE: {
		global:       noGlobal,
		choice:       choice{rule: leastSquares},
		code:         codeRule{divide: true},
		decode:       decodeRule{unit: 1},
		negativeZero: true,
	},
}

var transformerEngine = arithmetic{
	global:       transformerEngineGlobal(fullScale),
	scale:        scaleRule{kernel: timesGlobal},
	code:         product,
	decode:       decodeRule{unit: float32(1.0 / fullScale)},
	negativeZero: true,
}

func transformerEngineGlobal(full float32) func(a float32, in input) (float32, float32) {
	return func(a float32, _ input) (float32, float32) {
		s := min(full/a, math.MaxFloat32)
		if a == 0 || s == 0 {
			s = 1
		}
		return a, s
	}
}

// transformerEngine4Over6 returns TransformerEngine's Four Over Six with scales up to m.
func transformerEngine4Over6(m float32, e errorSum) arithmetic {
	full := float32(fp4.Max * m)
	return arithmetic{
		global:       transformerEngineGlobal(full),
		scale:        scaleRule{block: transformerEngineMapTo6},
		code:         product,
		choice:       choice{rule: fourOrSix, mapTo4: transformerEngineMapTo4, sum: e, full: full},
		decode:       decodeRule{unit: float32(1 / full)},
		negativeZero: true,
	}
}

func transformerEngineMapTo6(b, s float32, _ input) (uint8, float32) {
	return timesGlobalReciprocal(float32((b/6)*s), s)
}

func transformerEngineMapTo4(b, s float32, _ input) (uint8, float32) {
	return timesGlobalReciprocal(float32(float32((b/6)*s)*1.5), s)
}

func timesGlobalReciprocal(q, global float32) (uint8, float32) {
	s := kernel.E4M3FromFloat32(q)
	return s, min(1/float32(kernel.E4M3ToFloat32(s)*(1/global)), math.MaxFloat32)
}

// fourOverSix returns fouroversix's Four Over Six.
func fourOverSix(e errorSum) arithmetic {
	a := fourOverSixScaled(6, fourOverSixFull)
	a.choice = choice{rule: fourOrSix, mapTo4: fourOverSixMapTo4, sum: e, full: fourOverSixFull, lanes: true}
	return a
}

// 1536: what fouroversix's adaptive rules map an amax to.
const fourOverSixFull = fp4.Max * 256

// fourOverSixStatic maps the maximum of a block to code, and that of the tensor to 448 times as much.
func fourOverSixStatic(code float32) arithmetic {
	return fourOverSixScaled(code, float32(code*fp8.MaxE4M3))
}

func fourOverSixScaled(code, full float32) arithmetic {
	return arithmetic{
		global: func(a float32, _ input) (float32, float32) {
			if a == 0 {
				return 0, 0
			}
			return a, full / a
		},
		scale: scaleRule{block: func(b, s float32, _ input) (uint8, float32) {
			return fourOverSixScale(float32((b/code)*s), s)
		}},
		code:         codeRule{odd: beyond7, scalar: e2m1Wrapped},
		decode:       decodeRule{unit: float32(1 / full)},
		negativeZero: true,
	}
}

func fourOverSixMapTo4(b, s float32, _ input) (uint8, float32) {
	return fourOverSixScale(float32(float32((b/6)*s)*1.5), s)
}

// fourOverSixScale rounds the scale q and returns the factor of values with it, 0 for a scale of 0.
func fourOverSixScale(q, global float32) (uint8, float32) {
	s := kernel.E4M3FromFloat32(q)
	if s == 0 {
		return 0, 0
	}
	return s, 1 / float32((1/global)*kernel.E4M3ToFloat32(s))
}

// with returns a copy of a after an edit.
func (a arithmetic) with(edit func(a *arithmetic)) arithmetic {
	edit(&a)
	return a
}

// PerRow reports whether the recipe gives each row an amax of its own, so that Tensor.TensorScales
// holds the scales. It panics if r is unknown.
func (r Recipe) PerRow() bool { return r.arithmetic().perRow }

// Tiled reports whether the recipe's block scales hold for 16×16 tiles. It panics if r is unknown.
func (r Recipe) Tiled() bool { return r.arithmetic().tiled }

// arithmetic returns what r is made of. It panics if r is unknown.
func (r Recipe) arithmetic() *arithmetic {
	if int(r) >= len(recipes) {
		panic("nvfp4: unknown recipe")
	}
	return &recipes[r]
}

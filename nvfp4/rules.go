package nvfp4

import (
	"math"

	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp16"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// input is the type of the values that are quantized.
type input uint8

const (
	inFloat32 input = iota
	inBF16
	inFP16
)

// round rounds x to the type.
func (in input) round(x float32) float32 {
	switch in {
	case inBF16:
		return bf16.FromFloat32(x).Float32()
	case inFP16:
		return float16.Fromfloat32(x).Float32()
	}
	return x
}

// roundAll rounds at most a chunk of numbers to the type.
func (in input) roundAll(x []float32) {
	var buf [kernel.NVFP4Chunk]uint16
	switch in {
	case inBF16:
		kernel.EncodeBF16(buf[:len(x)], x)
		kernel.DecodeBF16(x, buf[:len(x)])
	case inFP16:
		for i, v := range x {
			x[i] = in.round(v)
		}
	}
}

func (in input) smallestNormal() float32 {
	if in == inFP16 {
		return fp16.SmallestNormal
	}
	return bf16.SmallestNormal // which is float32's
}

// scaleRule turns the maxima of blocks into their scales and the factors that the code rule takes:
// with a kernel, or a block at a time.
type scaleRule struct {
	kernel scaleKernel
	block  func(b, global float32, in input) (s uint8, factor float32)
}

type scaleKernel uint8

const (
	perTensorScale          scaleKernel = iota + 1 // of ModelOpt
	perTensorScaleZeroIsOne                        // of Default
	timesGlobal                                    // of TransformerEngine
	timesDivisor                                   // of CompressedTensors
)

func (r *scaleRule) apply(scales []uint8, factor, amax []float32, global float32, in input) {
	switch r.kernel {
	case perTensorScale, perTensorScaleZeroIsOne:
		kernel.ScalesModelOpt(scales, factor, amax, global, r.kernel == perTensorScaleZeroIsOne)
	case timesGlobal:
		kernel.ScalesTE(scales, factor, amax, global)
	case timesDivisor:
		compressedTensorsScales(scales, factor, amax, global, in)
	default:
		for i, b := range amax {
			scales[i], factor[i] = r.block(b, global, in)
		}
	}
}

func noGlobal(float32, input) (float32, float32) { return 1, 1 }

// compressedTensorsScales sets scale = e4m3(g*(amax/6)), 0.125 for 0, and factor = scale/g, in steps
// that have kernels.
func compressedTensorsScales(scales []uint8, factor, amax []float32, g float32, in input) {
	kernel.Quotients(factor, amax, 6)
	in.roundAll(factor)
	kernel.ScaleE4M3(scales, factor, g)
	for i, s := range scales {
		if s == 0 {
			scales[i] = 0x20
		}
	}
	kernel.DecodeE4M3(factor, scales, 1)
	kernel.Quotients(factor, factor, g)
}

// clampedScale is torchao's, which has no subnormal scales.
func clampedScale(q float32) uint8 { return kernel.E4M3FromFloat32(max(q, 0x1p-6)) }

// reciprocal returns 1/x, and 0 for 0.
func reciprocal(x float32) float32 {
	if x == 0 {
		return 0
	}
	return 1 / x
}

// codeRule turns values and their block's factor into codes: those of v = x/factor, or of x*factor.
// Where a block is odd, its codes are those of the scalar function instead of the kernels'.
type codeRule struct {
	divide   bool
	copySign bool // the sign bit is that of x, not v < 0
	odd      oddBlocks
	scalar   func(v float32) uint8
}

// oddBlocks says which blocks a kernel does not encode as the recipe does.
type oddBlocks uint8

const (
	noBlocks  oddBlocks = iota
	notFinite           // those where v may be NaN
	beyond7             // those where v is not clamped, and may be 7 or more
)

// any reports whether some block may be odd.
func (o oddBlocks) any(amax, factor []float32) bool {
	if o == notFinite {
		const infinity = 0x7F80_0000
		return max(kernel.AMax(amax), kernel.AMax(factor)) >= infinity
	}
	return o != noBlocks
}

func (o oddBlocks) has(b, factor float32) bool {
	switch o {
	case notFinite:
		return !(b <= math.MaxFloat32 && factor <= math.MaxFloat32)
	case beyond7:
		return factor != 0 && !(float32(b*factor) < 7)
	}
	return false
}

var (
	quotient = codeRule{divide: true} // NaN gives 7
	product  = codeRule{}             // NaN gives 0
)

// value returns v.
func (r *codeRule) value(x, factor float32) float32 {
	if r.divide {
		return x / factor
	}
	return float32(x * factor)
}

// apply sets the codes of blocks with the maxima amax.
func (r *codeRule) apply(codes []byte, x, amax, factor []float32) {
	if r.divide {
		kernel.EncodeE2M1Div(codes, x, factor)
	} else {
		kernel.EncodeE2M1Mul(codes, x, factor)
	}
	if r.copySign {
		for i := range codes {
			even, odd := math.Float32bits(x[2*i])>>31, math.Float32bits(x[2*i+1])>>31
			codes[i] |= byte(even<<3 | odd<<7)
		}
	}
	if !r.odd.any(amax, factor) {
		return
	}
	for i, f := range factor {
		if r.odd.has(amax[i], f) {
			r.encode(codes[i*blockBytes:][:blockBytes], x[i*BlockSize:], f)
		}
	}
}

// applyBF16 is apply of BF16 values, for a rule that does not copy signs.
func (r *codeRule) applyBF16(codes []byte, x []uint16, amax, factor []float32) {
	if r.divide {
		kernel.EncodeE2M1DivBF16(codes, x, factor)
	} else {
		kernel.EncodeE2M1MulBF16(codes, x, factor)
	}
	if !r.odd.any(amax, factor) {
		return
	}
	for i, f := range factor {
		if r.odd.has(amax[i], f) {
			var wide [BlockSize]float32
			kernel.DecodeBF16(wide[:], x[i*BlockSize:][:BlockSize])
			r.encode(codes[i*blockBytes:][:blockBytes], wide[:], f)
		}
	}
}

// encode sets the codes of one block with the scalar function.
func (r *codeRule) encode(codes []byte, x []float32, factor float32) {
	for i := range codes {
		codes[i] = r.scalar(r.value(x[2*i], factor)) | r.scalar(r.value(x[2*i+1], factor))<<4
	}
}

// e2m1OrZero is the code of v, with a sign if v < 0; NaN gives 0.
func e2m1OrZero(v float32) uint8 {
	if !(v < 0 || v > 0) {
		return 0
	}
	return kernel.E2M1FromFloat32(v)
}

// e2m1OrC is the code of v with its sign bit; NaN gives C.
func e2m1OrC(v float32) uint8 {
	if v != v {
		return 0xC
	}
	return kernel.E2M1FromFloat32(v)
}

// e2m1Or4 is the code of v with its sign bit; NaN gives 4.
func e2m1Or4(v float32) uint8 {
	if v != v {
		return 4
	}
	return kernel.E2M1FromFloat32(v)
}

// e2m1Wrapped is the code of v in fouroversix, which does not clamp: 7 to 9 round to 8, whose bits
// run over into those of -0.
func e2m1Wrapped(v float32) uint8 {
	switch mag := math.Abs(float64(v)); {
	case mag != mag || mag > math.MaxFloat32:
		return 0xB
	case mag >= 7 && mag <= 9:
		return 8
	}
	return e2m1OrZero(v)
}

// decodeRule turns block scales into the multipliers of their codes: (s*TensorScale)*unit, or
// s/TensorScale.
type decodeRule struct {
	divide    bool
	unit      float32
	nanIsZero bool // scale 0x7F reads as 0
}

func (r *decodeRule) multipliers(mult []float32, scales []uint8, tensorScale float32) {
	if r.divide {
		kernel.DecodeE4M3(mult, scales, 1)
		kernel.Quotients(mult, mult, tensorScale)
		return
	}
	kernel.BlockMultipliers(mult, scales, tensorScale, r.unit)
	if r.nanIsZero {
		for i, s := range scales {
			if s == 0x7F {
				mult[i] = 0
			}
		}
	}
}

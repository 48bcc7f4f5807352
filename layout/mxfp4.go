package layout

import (
	"errors"
	"fmt"
	"math"

	"github.com/trueup-rl/trueup/fp8"
)

// An MXFP4 block is 32 codes of E2M1 with a power of two, an NVFP4 block 16 with an E4M3 scale, beside
// a tensor scale. Of E4M3's values, 18 are powers of two: 2^-9, the smallest, to 2^8. So MXFP4 is NVFP4
// with the same codes, each block's scale twice, and a power of two as the tensor scale, as long as
// the exponents of its blocks lie within 17 of each other. It is what ModelOpt 0.47.0 does.
const (
	minScaleExponent = -9
	maxScaleExponent = 8
	e8m0Bias         = 127
)

// ErrInexact is what errors of [MXFP4ToNVFP4] wrap where a block cannot be held exactly.
var ErrInexact = errors.New("not exact in NVFP4")

// MXFP4TensorScale returns the tensor scale, a [Multiplier], that [MXFP4ToNVFP4] holds the most blocks
// exactly with: 2^8 becomes the power of the largest block that has a code other than ±0. For a fused
// group, take the maximum over its parts.
//
// It is ModelOpt's, unless that is subnormal in float32, which kernels may take for 0: then it is
// 2^-126, which serves as well. Blocks with the scale NaN do not count. It returns an error unless
// there are 16 bytes of codes for each scale.
func MXFP4TensorScale(codes []byte, scales []fp8.E8M0) (float32, error) {
	if err := checkMXFP4(codes, scales); err != nil {
		return 0, err
	}
	largest := -e8m0Bias
	for i, s := range scales {
		if !s.IsNaN() && !(zero(codes[16*i:][:8]) && zero(codes[16*i+8:][:8])) {
			largest = max(largest, int(s.Bits())-e8m0Bias)
		}
	}
	return float32(math.Ldexp(1, max(largest-maxScaleExponent, -126))), nil
}

// MXFP4ToNVFP4 sets dst to the block scales with which the codes of MXFP4, as they are, stand for the
// same values in NVFP4, given the NVFP4 tensor scale as a [Multiplier]: [MXFP4TensorScale] finds it.
// codes are in pairs, and have 16 bytes for each of scales; dst has twice as many elements as scales.
//
// A scale of NaN stays NaN. Of 16 codes that are all ±0, whose scale does not matter, one that is out
// of range becomes the nearest in range.
//
// It returns an error that wraps [ErrInexact] and names the first block of 32 whose power of two,
// divided by the tensor scale, is none of 2^-9 … 2^8, and an error if the tensor scale is not a power
// of two or lengths do not fit. It panics unless dst has the length said.
func MXFP4ToNVFP4(dst []fp8.E4M3, codes []byte, scales []fp8.E8M0, tensorScale float32) error {
	if len(dst) != 2*len(scales) {
		panic("layout: length of the NVFP4 scales is not twice that of the MXFP4 ones")
	}
	if err := checkMXFP4(codes, scales); err != nil {
		return err
	}
	fraction, exponent := math.Frexp(float64(tensorScale))
	if fraction != 0.5 {
		return fmt.Errorf("layout: tensor scale %v is not a power of two", tensorScale)
	}
	exponent--
	for i, s := range scales {
		e := int(s.Bits()) - e8m0Bias - exponent
		for half := range 2 {
			switch {
			case s.IsNaN():
				dst[2*i+half] = fp8.E4M3FromBits(0x7F)
			case minScaleExponent <= e && e <= maxScaleExponent:
				dst[2*i+half] = powerE4M3(e)
			case zero(codes[16*i+8*half:][:8]):
				dst[2*i+half] = powerE4M3(min(max(e, minScaleExponent), maxScaleExponent))
			default:
				return fmt.Errorf("layout: MXFP4 block %d: scale 2^%d is 2^%d times the tensor scale: %w",
					i, int(s.Bits())-e8m0Bias, e, ErrInexact)
			}
		}
	}
	return nil
}

func checkMXFP4(codes []byte, scales []fp8.E8M0) error {
	if len(codes)/16 != len(scales) || len(codes)%16 != 0 {
		return fmt.Errorf("layout: %d bytes of MXFP4 codes for %d scales, want 16 for each", len(codes), len(scales))
	}
	return nil
}

// zero reports whether 16 codes are all ±0.
func zero(codes []byte) bool { return word.Uint64(codes)&0x7777_7777_7777_7777 == 0 }

// powerE4M3 returns 2^e, for e from -9 to 8.
func powerE4M3(e int) fp8.E4M3 {
	const bias, mantissaBits = 7, 3
	if e <= -bias { // subnormal
		return fp8.E4M3FromBits(1 << (e - minScaleExponent))
	}
	return fp8.E4M3FromBits(uint8(e+bias) << mantissaBits)
}

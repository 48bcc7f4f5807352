package nvfp4

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// chooseHalvesUp sets scales, factors and codes of blocks as ggml does.
func (q *quantizer) chooseHalvesUp(codes []byte, scales []uint8, x []float32) {
	for i := range scales {
		v := (*[BlockSize]float32)(x[i*BlockSize:])
		b := q.amax[i]
		if b != b {
			b = maxOfNumbers(v)
		}
		scales[i] = ue4m3HalfUp(b / 6)
		q.factor[i] = kernel.E4M3ToFloat32(scales[i])
		for j := range BlockSize / 2 {
			codes[i*blockBytes+j] = e2m1Nearest(v[2*j], q.factor[i]) | e2m1Nearest(v[2*j+1], q.factor[i])<<4
		}
	}
}

// maxOfNumbers returns the largest magnitude in x that is not NaN.
func maxOfNumbers(x *[BlockSize]float32) (b float32) {
	for _, v := range x {
		if v < 0 {
			v = -v
		}
		if v > b {
			b = v
		}
	}
	return b
}

// ue4m3HalfUp rounds v ≥ 0 as ggml_fp32_to_ue4m3 does.
func ue4m3HalfUp(v float32) uint8 {
	if v < 0x1p-6 {
		return uint8(min(float32(v*512)+0.5, 7))
	}
	u := math.Float32bits(v) + 1<<19 // half of the last of three mantissa bits
	if e := u>>23 - (127 - 7); e < 15 {
		return uint8(e<<3 | u>>20&7)
	}
	return maxE4M3Code
}

// e2m1Nearest is the code of the value whose product with s is nearest to x in float32, of two the
// first: no code but 0 stands for zero, and it is that of NaN and infinities, which are equally far
// from all.
func e2m1Nearest(x, s float32) uint8 {
	mag := x
	if x < 0 {
		mag = -x
	}
	if s != 0 && mag <= float32(12*s) { // where differences that decide are exact
		code := halfDown(mag / s)
		if code < 7 && mag > float32(midpoints[code]*s) {
			code++ // the quotient was rounded down to the middle
		}
		if x < 0 && code > 0 {
			code |= 8
		}
		return code
	}
	var best uint8
	least := mag
	for c := range uint8(2 * codesPerSign) {
		d := float32(kernel.E2M1ToFloat32(c)*s) - x
		if d < 0 {
			d = -d
		}
		if d < least {
			best, least = c, d
		}
	}
	return best
}

const codesPerSign = 8

// midpoints lie between the values of a code and the next. Their products with an E4M3 scale are exact.
var midpoints = [7]float32{0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5}

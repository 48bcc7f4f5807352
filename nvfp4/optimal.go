package nvfp4

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// chooseLeastSquares sets scales, factors and codes of blocks by trying every scale.
func (q *quantizer) chooseLeastSquares(codes []byte, scales []uint8, x []float32) {
	for i := range scales {
		v := (*[BlockSize]float32)(x[i*BlockSize:])
		scales[i] = optimalScale(v, q.amax[i])
		q.factor[i] = kernel.E4M3ToFloat32(scales[i])
		for j := range BlockSize / 2 {
			codes[i*blockBytes+j] = e2m1TowardZero(v[2*j], q.factor[i]) | e2m1TowardZero(v[2*j+1], q.factor[i])<<4
		}
	}
}

// optimalScale starts from the scale that maps the maximum to 6, which wins ties. No other is tried
// if that is 0 or NaN.
func optimalScale(x *[BlockSize]float32, b float32) uint8 {
	best := kernel.E4M3FromFloat32(b / 6)
	if best == 0 || best > maxE4M3Code {
		return best
	}
	least := squaredError(x, best, inf32)
	for code := uint8(1); code <= maxE4M3Code; code++ {
		s := kernel.E4M3ToFloat32(code)
		if clipped := b - float32(6*s); clipped > 0 && float32(clipped*clipped) >= least {
			continue // by the largest value alone, and sums are no less than their terms
		}
		if e := squaredError(x, code, least); e < least {
			best, least = code, e
		}
		if float32(b*4) <= s {
			break // nothing but zeros from here on, and the same error
		}
	}
	return best
}

const maxE4M3Code = 0x7E

var inf32 = float32(math.Inf(1))

// squaredError returns the squared error of a block with a scale, in the order of halves. It may stop
// once that cannot be below limit: partial sums never fall.
func squaredError(x *[BlockSize]float32, scale uint8, limit float32) float32 {
	s := kernel.E4M3ToFloat32(scale)
	var sum float32
	for i := range BlockSize / 2 {
		sum += trialError(x[i], s) + trialError(x[i+BlockSize/2], s)
		if sum >= limit {
			return sum
		}
	}
	return sum
}

func trialError(x, s float32) float32 {
	mag := math.Float32frombits(math.Float32bits(x) &^ (1 << 31))
	d := mag - float32(kernel.E2M1ToFloat32(halfDown(mag/s))*s)
	return float32(d * d)
}

// e2m1TowardZero is the code of x/s, ties toward zero; NaN gives 0.
func e2m1TowardZero(x, s float32) uint8 {
	switch v := x / s; {
	case v > 0:
		return halfDown(v)
	case v < 0:
		return 8 | halfDown(-v)
	}
	return 0
}

// one is the exponent of 1 in a float32, and a bit of its mantissa.
const one = 127 << 1

// halfDown returns the code of the value nearest to v ≥ 0, of two the smaller, and 7 for NaN.
func halfDown(v float32) uint8 {
	if v <= 0.75 {
		if v > 0.25 {
			return 1
		}
		return 0
	}
	// From 1 on a code is the exponent and one bit of the mantissa; half of that bit, less the last,
	// carries into it from above the middle. What rounds up to 1 does so too.
	return uint8(min(max((math.Float32bits(v)+1<<21-1)>>22, one)-one+2, 7))
}

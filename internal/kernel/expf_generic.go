package kernel

import "math"

// The exponential in float32 is built for vectors: no branch, no division, one
// table of four entries. With k = round(4x·log₂e), i = k mod 4 and r = x − k·¼ln 2,
//
//	e^x = 2^(k/4) · e^r,  |r| ≤ ⅛ ln 2 = 0.0866
//
// and with Bᵢ = 2^(i/4) rounded to float32, and τᵢ = ln(2^(i/4)/Bᵢ) what that
// lost, the result is
//
//	B + B·v,  B = Bᵢ·2^⌊k/4⌋,  v = e^(r+τᵢ) − 1
//
// in one fused operation. In ulps of a result in [1, 2), which are 2⁻²³, the last
// rounding takes ½; those of r+τ and of v, below ⅛ and hence of 2⁻²⁸ at most,
// take 2·2⁻²⁸·2 = 0.125; the polynomial takes 5.3e-9·2 = 0.09. That is less than
// 0.72; the worst of all float32 is 0.7065.
const (
	// roundShift32 added to a float32 below 2²² rounds it to an integer, ties to
	// even, whose two's complement stands in the low bits.
	roundShift32 = 0x1.8p23
	stepsPerUnit = 0x1.715476p+2 // 4 log₂e
	// ¼ ln 2 in two parts. The upper one has 14 bits, so that n·quarterLn2Hi is
	// exact for the n of 9 bits that occur.
	quarterLn2Hi = 0x1.62e8p-3
	quarterLn2Lo = -0x1.e8082ep-18
	// (e^r − 1 − r)/r² = exp2C + exp3C·r + exp4C·r², of least relative error in e^r.
	exp2C = 0x1.000006p-1
	exp3C = 0x1.5571dap-3
	exp4C = 0x1.552112p-5
	// Bounds of the arguments for which B and the result are normal numbers.
	exp32Min = -87
	exp32Max = 88.5
)

// expBase holds Bᵢ's bits less i<<21: adding k<<21 puts ⌊k/4⌋ into the exponent
// and takes off nothing else.
var expBase = [4]uint32{0x3f800000, 0x3f9837f0 - 1<<21, 0x3fb504f3 - 2<<21, 0x3fd744fd - 3<<21}

// expTau holds τᵢ.
var expTau = [4]float32{0, 0x1.125002p-25, 0x1.26055cp-26, -0x1.f9c306p-27}

// Exp32 returns e^x within 0.75 ulp, overflow and subnormal results included.
// Exp32(+Inf) = +Inf, Exp32(-Inf) = 0, Exp32(NaN) = NaN.
func Exp32(x float32) float32 {
	if !(x >= exp32Min && x <= exp32Max) {
		return float32(Exp(float64(x)))
	}
	return expScaled(x, 1, stepsPerUnit)
}

// expScaled returns e^(d·scale) for exp32Min ≤ d·scale ≤ exp32Max, with
// steps = stepsPerUnit·scale. The product d·scale is not rounded on its own.
// A d of NaN gives an unspecified result.
func expScaled(d, scale, steps float32) float32 {
	k := fma32(d, steps, roundShift32)
	n := k - roundShift32
	kBits := math.Float32bits(k)
	i := kBits & 3

	// r + τ = (d·scale − n·hi) + (τ − n·lo)
	r := fma32(d, scale, -float32(n*quarterLn2Hi)) + fma32(n, -quarterLn2Lo, expTau[i])
	// v = r + r·(r·(c₂ + r·(c₃ + r·c₄)))
	q := fma32(fma32(exp4C, r, exp3C), r, exp2C)
	v := fma32(float32(q*r), r, r)

	b := math.Float32frombits(expBase[i] + kBits<<21)
	return fma32(b, v, b)
}

// fma32 returns x·y + z rounded once, which Go has for float64 only.
//
// The product is exact in float64. The sum rounded to float64 rounds again to
// the right float32, unless it lies midway between two of them, or they lie
// closer together than usual because they are subnormal.
func fma32(x, y, z float32) float32 {
	s := float64(float64(x)*float64(y)) + float64(z)
	b := math.Float64bits(s)
	if b&(1<<29-1) == 1<<28 || b<<1>>53 < 1023-126 {
		return fma32Odd(x, y, z)
	}
	return float32(s)
}

// fma32Odd is fma32 by rounding the sum to odd: a sum that is not exact gets a
// last bit of 1, so that it cannot pass for a midpoint.
func fma32Odd(x, y, z float32) float32 {
	p, c := float64(float64(x)*float64(y)), float64(z)
	s := p + c
	t := s - p
	rest := (p - (s - t)) + (c - t) // s + rest = p + c
	b := math.Float64bits(s)
	if rest != 0 && b&1 == 0 {
		if (rest > 0) == (s > 0) {
			b++
		} else {
			b--
		}
	}
	return float32(math.Float64frombits(b))
}

package kernel

import "math"

// k3 of a token, e^d − 1 − d, comes from the same reduction as Exp32: with
// r' = r + τ,
//
//	u = e^r' − 1 − r'   from a polynomial
//	e^d = B + B·(u + r')
//	k3  = B·u + (B·r' + ((B − 1) − d))
//
// Near d = 0, where B = 1 and r' = d, that is u itself: nothing cancels. Beyond,
// the largest error is that of r', half an ulp of ⅛ ln 2, against a k3 of at
// least 0.0037.
const (
	// (e^r − 1 − r)/r² = ½ + ratio3·r + ratio4·r² + ratio5·r³, of least relative
	// error, 2.7e-8.
	ratio3 = 0x1.555556p-3
	ratio4 = 0x1.556772p-5
	ratio5 = 0x1.111338p-7
)

// ExpK3Float32 returns w = e^d within 0.63 ulp and k3 = e^d − 1 − d within 1e-6
// of its value, for |d| ≤ Clamp; of 0 they are 1 and 0. For other d the results
// are unspecified.
func ExpK3Float32(d float32) (w, k3 float32) {
	k := fma32(d, stepsPerUnit, roundShift32)
	n := k - roundShift32
	kBits := math.Float32bits(k)
	i := kBits & 3
	r := (d - float32(n*quarterLn2Hi)) + fma32(n, -quarterLn2Lo, expTau[i])
	b := math.Float32frombits(expBase[i] + kBits<<21)

	r2 := float32(r * r)
	q := fma32(r2, fma32(ratio5, r, ratio4), fma32(ratio3, r, 0.5))
	u := float32(q * r2)
	k3 = fma32(b, u, fma32(b, r, (b-1)-d))
	return fma32(b, u+r, b), k3
}

package kernel

import "math"

// The functions of this file take the place of those of package math, whose
// results differ between architectures (some have assembly, and the compiler
// may fuse a product into a sum). Here every fused multiply-add is asked for by
// name and every other operation rounds once, so that the same argument gives
// the same bits everywhere.

const (
	log2e = 0x1.71547652b82fep+0
	ln2Hi = 0x1.62e42fefa39efp-1  // ln 2 rounded to float64
	ln2Lo = 0x1.abc9e3b39803fp-56 // ln 2 − ln2Hi
	// roundShift added to a float64 below 2⁵¹ rounds it to an integer, ties to even.
	roundShift = 0x1.8p52
	// expReach bounds the arguments that Exp splits without care for overflow;
	// e^±expReach leaves the range of float64 by far.
	expReach = 800
)

// reduce writes x = n·ln 2 + r with |r| ≤ ½ ln 2, for |x| ≤ 2⁴⁰.
func reduce(x float64) (n, r float64) {
	n = math.FMA(x, log2e, roundShift) - roundShift
	r = math.FMA(-n, ln2Hi, x)
	r = math.FMA(-n, ln2Lo, r)
	return n, r
}

// expTail returns e^r − 1 − r for |r| ≤ ½ ln 2: r² times a polynomial of least
// relative error (2.8e-18) for (e^r − 1 − r)/r².
func expTail(r float64) float64 {
	p := math.FMA(0x1.1f19f5121a461p-29, r, 0x1.af4dc491be0dfp-26)
	p = math.FMA(p, r, 0x1.27e510dd8af47p-22)
	p = math.FMA(p, r, 0x1.71de024589e99p-19)
	p = math.FMA(p, r, 0x1.a01a01905f7a8p-16)
	p = math.FMA(p, r, 0x1.a01a01abe0cdep-13)
	p = math.FMA(p, r, 0x1.6c16c16c1a07fp-10)
	p = math.FMA(p, r, 0x1.11111111100ebp-7)
	p = math.FMA(p, r, 0x1.555555555554ep-5)
	p = math.FMA(p, r, 0x1.5555555555557p-3)
	p = math.FMA(p, r, 0.5)
	return float64(p * (r * r))
}

// Exp returns e^x within 1 ulp. Exp(+Inf) = +Inf, Exp(-Inf) = 0, Exp(NaN) = NaN.
func Exp(x float64) float64 {
	if !(x > -expReach) {
		if x != x {
			return x
		}
		return 0
	}
	if x > expReach {
		return math.Inf(1)
	}
	m, n := ExpParts(x)
	// Two steps, so that neither factor leaves the range before the product does.
	half := n >> 1
	return float64(m * pow2(half) * pow2(n-half))
}

// ExpParts returns m in (0.70, 1.42) and n with e^x = m·2ⁿ, for |x| ≤ 2⁴⁰, so
// that the exponential of a long row's log-ratio never overflows.
func ExpParts(x float64) (m float64, n int) {
	k, r := reduce(x)
	return 1 + (r + expTail(r)), int(k)
}

// ExpK3 returns w = e^d and k3 = e^d − 1 − d for |d| ≤ 700. Below |d| = ½ ln 2
// k3 comes from its own polynomial and keeps all its digits, where the plain
// difference has none left at |d| = 1e-8.
func ExpK3(d float64) (w, k3 float64) {
	n, r := reduce(d)
	q := expTail(r)
	m := 1 + (r + q)
	if n == 0 {
		return m, q
	}
	w = float64(m * pow2(int(n)))
	return w, w - 1 - d
}

// pow2 returns 2ⁿ for −1022 ≤ n ≤ 1023.
func pow2(n int) float64 {
	return math.Float64frombits(uint64(n+1023) << 52)
}

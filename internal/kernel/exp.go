package kernel

import "math"

// The functions of this file take the place of those of package math, whose
// results differ between architectures (some have assembly, and the compiler
// may fuse a product into a sum). Here every fused multiply-add is asked for by
// name and every other operation rounds once, so that the same argument gives
// the same bits everywhere.

const (
	log2e = 0x1.71547652b82fep+0
	// ln 2 in two parts. The upper one ends in 22 zero bits, so that its product
	// with an integer below 2²² is exact.
	ln2Hi = 0x1.62e42fec00000p-1
	ln2Lo = 0x1.d1cf79abc9e3bp-32
	// roundShift added to a float64 below 2⁵¹ rounds it to an integer, ties to even.
	roundShift = 0x1.8p52
	// expReach bounds the arguments that Exp splits without care for overflow;
	// e^±expReach leaves the range of float64 by far.
	expReach = 800
)

// expSplit is e^x = 2ⁿ·(head + tail) with head = 1 + r rounded, |r| ≤ ½ ln 2 and
// |tail| < 0.07; the sum is not rounded yet.
type expSplit struct {
	n          float64
	r, c       float64 // x − n·ln 2 = r + c, |c| below half a place of r
	q          float64 // e^r − 1 − r
	head, tail float64
}

// split reduces x, for |x| ≤ 2²¹.
func split(x float64) expSplit {
	var s expSplit
	s.n = math.FMA(x, log2e, roundShift) - roundShift
	hi := math.FMA(-s.n, ln2Hi, x) // exact
	s.r = math.FMA(-s.n, ln2Lo, hi)
	s.c = math.FMA(-s.n, ln2Lo, hi-s.r)
	s.q = expTail(s.r)
	s.head = 1 + s.r
	s.tail = (s.r - (s.head - 1)) + (s.q + s.c)
	return s
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
	return float64(p * float64(r*r))
}

// Exp returns e^x within 0.7 ulp. Exp(+Inf) = +Inf, Exp(-Inf) = 0, Exp(NaN) =
// NaN; results below 2⁻¹⁰²² round twice.
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

// ExpParts returns m in (0.70, 1.42) and n with e^x = m·2ⁿ, for |x| ≤ 2²¹, so
// that the exponential of a long row's log-ratio never overflows.
func ExpParts(x float64) (m float64, n int) {
	s := split(x)
	return s.head + s.tail, int(s.n)
}

// ExpK3 returns w = e^d within 0.7 ulp and k3 = e^d − 1 − d, for |d| ≤ 700.
// Below |d| = ½ ln 2 k3 comes from its own polynomial and keeps all its digits,
// where the plain difference has none left at |d| = 1e-8; above, it is
// e^d − 1 (within 1 ulp) less d.
func ExpK3(d float64) (w, k3 float64) {
	s := split(d)
	if s.n == 0 {
		return s.head + s.tail, s.q
	}
	scale := pow2(int(s.n))
	w = float64((s.head + s.tail) * scale)
	return w, s.expm1(w, scale) - d
}

// expm1 returns 2ⁿ·(head + tail) − 1 for n ≠ 0, where scale is 2ⁿ and w the
// rounded e^x. Of two additions the first is exact, or rounds far below the
// result's last place.
func (s *expSplit) expm1(w, scale float64) float64 {
	switch {
	case w < 0.5:
		return w - 1
	case s.n > 52:
		return math.FMA(scale, s.head, math.FMA(scale, s.tail, -1))
	}
	return math.FMA(scale, s.tail, math.FMA(scale, s.head, -1))
}

// Expm1 returns e^x − 1 within 1 ulp, for |x| ≤ 700.
func Expm1(x float64) float64 {
	s := split(x)
	if s.n == 0 {
		return s.r + s.q
	}
	scale := pow2(int(s.n))
	return s.expm1(float64((s.head+s.tail)*scale), scale)
}

// pow2 returns 2ⁿ for −1022 ≤ n ≤ 1023.
func pow2(n int) float64 {
	return math.Float64frombits(uint64(n+1023) << 52)
}

package kernel

import "math"

// Constants of expParts32. With n = round(z·log₂e), r = z − n·ln 2 and
// |r| ≤ ½ ln 2, (e^r − 1 − r)/r² is a polynomial of relative error 1.1e-8.
const (
	pairLog2e = 0x1.715476p+0
	// ln 2 in two parts. The upper one has 15 bits, so that n·pairLn2Hi is exact.
	pairLn2Hi = 0x1.62e4p-1
	pairLn2Lo = 0x1.7f7d1cp-20
	pairC0    = 0x1p-1
	pairC1    = 0x1.555556p-3
	pairC2    = 0x1.5554e8p-5
	pairC3    = 0x1.11114cp-7
	pairC4    = 0x1.6d4370p-10
	pairC5    = 0x1.a072f0p-13
	// pairFloor is where n becomes −127, whose scale has the bits of 0.
	pairFloor = -127 * 0x1.62e430p-1
)

// expParts32 returns scale = 2ⁿ, r and k = e^r − 1 − r with e^z = 2ⁿ·(1 + (r + k)),
// for pairFloor ≤ z ≤ 88. For |z| ≤ ½ ln 2 scale is 1 and r is z.
func expParts32(z float32) (scale, r, k float32) {
	shifted := fma32(z, pairLog2e, roundShift32)
	n := shifted - roundShift32
	scale = math.Float32frombits(math.Float32bits(shifted)<<23 + 0x3f800000)
	r = fma32(n, -pairLn2Lo, fma32(n, -pairLn2Hi, z))
	q := fma32(pairC5, r, pairC4)
	q = fma32(q, r, pairC3)
	q = fma32(q, r, pairC2)
	q = fma32(q, r, pairC1)
	q = fma32(q, r, pairC0)
	return scale, r, float32(q * float32(r*r))
}

// addNearGeneric adds a block. It reports false, and adds nothing, if a |δ| is
// above 24 or NaN. Element i belongs to lane i mod Lanes, and a lane's terms are
// added from first to last.
func (l *pairLanes) addNearGeneric(x, y *[pairBlock]float32, s *PairScale) bool {
	var sums pairBlockSums
	for i := range x {
		lane := i % Lanes
		x, y := x[i], y[i]
		if !(x > s.lowest) {
			x = s.lowest
		}
		if !(y > s.lowest) {
			y = s.lowest
		}
		d := fma32(y-x, s.invTemp, -s.shift32)
		if math.Float32bits(d)&f32MagMask > farBits {
			return false
		}

		u := fma32(x, s.invTemp, -s.logP32)
		if !(u > pairFloor) {
			u = pairFloor
		}
		scale, r, k := expParts32(u)
		p := fma32(scale, r+k, scale)

		// e = 2ⁿ·(1 + r + k) − 1, and e − d = 2ⁿ·k + ((2ⁿ·r − d) + (2ⁿ − 1)),
		// which is k alone where n = 0.
		scale, r, k = expParts32(d)
		e := fma32(scale, r+k, scale-1)
		k3 := fma32(scale, k, fma32(scale, r, -d)+(scale-1))

		signed := math.Float32frombits(math.Float32bits(p) ^ math.Float32bits(d)&f32Sign)
		sums[sumMass][lane] += p
		sums[sumSigned][lane] += signed
		add := func(term int, x, y float32) { sums[term][lane] = fma32(x, y, sums[term][lane]) }
		add(sumNet, p, e)
		add(sumGross, signed, e)
		add(sumKL, p, k3)
		add(sumReverse, p, fma32(d, e, -k3))
		add(sumSquare, float32(p*e), e)
	}
	l.addSums(&sums)
	return true
}

func (l *pairLanes) addSums(sums *pairBlockSums) {
	for term := range sums {
		for lane, x := range sums[term] {
			l[term][lane] += float64(x)
		}
	}
}

// addFar adds a block in float64.
func (l *pairLanes) addFar(x, y *[pairBlock]float32, s *PairScale) {
	for i := range x {
		for term, v := range s.terms(x[i], y[i]) {
			l[term][i%Lanes] += v
		}
	}
}

// terms returns what a pair adds, in float64.
func (s *PairScale) terms(x, y float32) [pairTerms]float64 {
	logP, logQ := s.scaled(x)-s.logP, s.scaled(y)-(s.logP+s.shift)
	p, q, d := Exp(logP), Exp(logQ), logQ-logP
	var t [pairTerms]float64
	switch {
	case logP < -math.MaxFloat64 || logQ < -math.MaxFloat64:
		inf := math.Inf(1)
		switch {
		case logP > logQ:
			t[sumKL], t[sumReverse], t[sumSquare] = inf, p, p
		case logQ > logP:
			t[sumKL], t[sumReverse], t[sumSquare] = q, inf, inf
		default:
			return t
		}
		t[sumNet] = q - p
	case math.Abs(d) > maxLogRatio:
		t[sumNet] = q - p
		t[sumKL] = (q - p) - float64(p*d)
		t[sumReverse] = (p - q) + float64(q*d)
		t[sumSquare] = Exp(float64(2*logQ)-logP) + (p - float64(2*q))
	default:
		w, k3 := ExpK3(d) // q/p, and w − 1 − d
		e := k3 + d       // w − 1
		// w·d − e, in a form that keeps its digits where w is near 1.
		r := float64(d*d) + float64(k3*(d-1))
		if math.Abs(d) > 0.5 {
			r = float64(w*d) - e
		}
		t[sumNet] = float64(p * e)
		t[sumKL] = float64(p * k3)
		t[sumReverse] = float64(p * r)
		t[sumSquare] = float64(p * e * e)
	}
	t[sumMass], t[sumSigned] = p, math.Copysign(p, d)
	t[sumGross] = math.Abs(t[sumNet])
	return t
}

// maxLogRatio bounds |ln(q/p)| where q/p − 1 is worked out.
const maxLogRatio = 60

// scaled returns a·x, exactly, or -Inf for what counts as that.
func (s *PairScale) scaled(x float32) float64 {
	z := float64(float64(x) * float64(s.invTemp))
	if z < -MaxScaled {
		return math.Inf(-1)
	}
	return z
}

package plan

import "github.com/trueup-rl/trueup/internal/kernel"

// pointsPerUnit is how densely integrals over t are summed.
const pointsPerUnit = 8

// logistic returns p = 1/(1+e^−t) and q = 1 − p, of which dp = p·q·dt.
func logistic(t float64) (p, q float64) {
	if t < 0 {
		q, p = logistic(-t)
		return p, q
	}
	e := kernel.Exp(-t)
	return 1 / (1 + e), e / (1 + e)
}

// integrate returns ∫ f(p, 1−p) dp over (0, 1) for an f that grows at the ends no
// faster than a power above −1. Over t the integrand falls off exponentially on
// both sides, where the trapezoidal rule gains digits with every point.
func integrate(f func(p, q float64) float64) float64 {
	sum := f(0.5, 0.5) / 4
	for i := 1; i < 690*pointsPerUnit; i++ {
		p, q := logistic(float64(i) / pointsPerUnit)
		x := float64((f(p, q) + f(q, p)) * p * q)
		sum += x
		if i > 40*pointsPerUnit && x < sum/0x1p60 {
			break
		}
	}
	return sum / pointsPerUnit
}

package plan

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// Shape is the distribution of a positive quantity, a duration or a length, in
// multiples of its mean. The zero Shape means that none was chosen; it behaves as
// Constant does.
type Shape struct {
	kind  shapeKind
	param float64   // cv, exponent
	most  float64   // of Pareto: greatest over least value
	scale float64   // what makes the mean 1
	cv    float64   // standard deviation, the mean being 1
	sigma float64   // of LogNormal: of the logarithm
	trace []float64 // of Empirical: ascending, of mean 1
}

type shapeKind uint8

const (
	unset shapeKind = iota
	constant
	exponential
	logNormal
	weibull
	pareto
	empirical
)

// Constant is a quantity that does not vary.
func Constant() Shape { return Shape{kind: constant} }

// Exponential is F(x) = 1 − e^−x.
func Exponential() Shape { return Shape{kind: exponential, cv: 1} }

// LogNormal is e^(σz − σ²/2) of a standard normal z, where σ² = ln(1 + cv²), so
// that cv is the standard deviation over the mean. It panics unless 0 < cv ≤ 100.
func LogNormal(cv float64) Shape {
	if !(cv > 0 && cv <= 100) {
		panic("plan: the cv of a log-normal shape is not in (0, 100]")
	}
	sigma := math.Sqrt(kernel.Log(1 + float64(cv*cv)))
	return Shape{kind: logNormal, param: cv, cv: cv, sigma: sigma}
}

// Weibull is F(x) = 1 − exp(−(x/λ)^k) with λ such that the mean is 1; its tail is
// longer than Exponential's for k < 1. It panics unless 0.2 ≤ k ≤ 30.
func Weibull(k float64) Shape {
	if !(k >= 0.2 && k <= 30) {
		panic("plan: the exponent of a Weibull shape is not in [0.2, 30]")
	}
	s := Shape{kind: weibull, param: k, scale: 1}
	s.scale = 1 / s.moment(1)
	s.cv = math.Sqrt(max(0, s.moment(2)-1))
	return s
}

// Pareto is F(x) ∝ 1 − (x₀/x)^α from its least value x₀ to most times as much. It
// panics unless 0.1 ≤ α ≤ 30 and 1 < most ≤ 1e9.
func Pareto(alpha, most float64) Shape {
	if !(alpha >= 0.1 && alpha <= 30) || !(most > 1 && most <= 1e9) {
		panic("plan: the exponent of a Pareto shape is not in [0.1, 30], or its range not in (1, 1e9]")
	}
	s := Shape{kind: pareto, param: alpha, most: most}
	// With R = most and x₀ = 1, E[xⁿ] = α (1−R^(n−α))/(α−n) / (1−R^−α).
	moment := func(n float64) float64 {
		d, log := alpha-n, kernel.Log(most)
		integral := log
		if d != 0 {
			integral = -kernel.Expm1(float64(-d*log)) / d
		}
		return alpha * integral / -kernel.Expm1(float64(-alpha*log))
	}
	mean := moment(1)
	s.scale = 1 / mean
	s.cv = math.Sqrt(max(0, moment(2)/mean/mean-1))
	return s
}

// Empirical is the distribution of the given values, each as likely as the
// others. An error, for a value that is not positive and finite or for none at
// all, wraps ErrInput.
func Empirical(values []float64) (Shape, error) {
	if len(values) == 0 {
		return Shape{}, fmt.Errorf("%w: a trace without values", ErrInput)
	}
	var mean float64
	for i, x := range values {
		if !(x > 0 && x <= 1e15) {
			return Shape{}, fmt.Errorf("%w: value %d of the trace is %v, not positive and finite", ErrInput, i, x)
		}
		mean += (x - mean) / float64(i+1)
	}
	s := Shape{kind: empirical, trace: slices.Clone(values)}
	var square float64
	for i, x := range s.trace {
		x /= mean
		s.trace[i] = x
		square += (float64(x*x) - square) / float64(i+1)
	}
	slices.Sort(s.trace)
	s.cv = math.Sqrt(max(0, square-1))
	return s, nil
}

// IsZero reports whether no shape was chosen.
func (s Shape) IsZero() bool { return s.kind == unset }

// CV returns the standard deviation over the mean.
func (s Shape) CV() float64 { return s.cv }

// Quantile returns the value, in multiples of the mean, that a share p of the
// distribution lies below. It panics unless 0 < p < 1.
func (s Shape) Quantile(p float64) float64 {
	if !(p > 0 && p < 1) {
		panic("plan: a quantile's share is not in (0, 1)")
	}
	return s.quantile(p, 1-p)
}

// quantile takes p and q = 1 − p, either of which may be tiny.
func (s Shape) quantile(p, q float64) float64 {
	switch s.kind {
	case exponential:
		return -kernel.Log(q)
	case logNormal:
		return kernel.Exp(float64(s.sigma*normalQuantile(p, q)) - float64(s.sigma*s.sigma)/2)
	case weibull:
		return float64(s.scale * kernel.Exp(kernel.Log(-kernel.Log(q))/s.param))
	case pareto:
		rest := q + float64(p*kernel.Exp(float64(-s.param*kernel.Log(s.most))))
		return float64(s.scale * kernel.Exp(-kernel.Log(rest)/s.param))
	case empirical:
		i := int(float64(p * float64(len(s.trace))))
		return s.trace[min(i, len(s.trace)-1)]
	}
	return 1
}

// MaxOf returns the mean of the greatest of n independent values, in multiples of
// the mean of one: ∫ Q(p) dpⁿ. It panics if n < 1.
func (s Shape) MaxOf(n int) float64 {
	if n < 1 {
		panic("plan: the greatest of no values")
	}
	if n == 1 {
		return 1
	}
	if s.kind == empirical {
		var sum, below float64 // (i/N)ⁿ
		for i, x := range s.trace {
			upTo := power(float64(i+1)/float64(len(s.trace)), n)
			sum += float64(x * (upTo - below))
			below = upTo
		}
		return sum
	}
	return integrate(func(p, q float64) float64 {
		return float64(s.quantile(p, q) * float64(n) * power(p, n-1))
	})
}

// withSlowest returns E[x·m], where m is the greatest of n independent values of
// which x is one, in squares of the mean: 1 + cv² for n = 1.
//
// If the greatest lies at p, the others are as if drawn from below it, where they
// have the mean L(p)/p with L(p) = ∫ Q from 0 to p, so that
//
//	E[x·m] = ∫ Q·(Q + (n−1)·L/p)·pⁿ⁻¹ dp
func (s Shape) withSlowest(n int) float64 {
	if n == 1 {
		return 1 + float64(s.cv*s.cv)
	}
	var below, sum float64 // L(p)
	add := func(x, p, weight float64) {
		half := float64(x*weight) / 2
		below += half
		sum += float64(x * (x + float64(float64(n-1)*below)/p) * power(p, n-1) * weight)
		below += half
	}
	if s.kind == empirical {
		each := 1 / float64(len(s.trace))
		for i, x := range s.trace {
			add(x, float64((float64(i)+0.5)*each), each)
		}
		return sum
	}
	for i := -40 * pointsPerUnit; i < 690*pointsPerUnit; i++ {
		p, q := logistic(float64(i) / pointsPerUnit)
		before := sum
		add(s.quantile(p, q), p, p*q/pointsPerUnit)
		if i > 40*pointsPerUnit && sum == before {
			break
		}
	}
	return sum
}

// moment returns E[xⁿ].
func (s Shape) moment(n int) float64 {
	return integrate(func(p, q float64) float64 { return power(s.quantile(p, q), n) })
}

// power returns xⁿ for x ≥ 0.
func power(x float64, n int) float64 {
	y := 1.0
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			y = float64(y * x)
		}
		x = float64(x * x)
	}
	return y
}

// String returns what ParseShape accepts, but for a trace.
func (s Shape) String() string {
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	switch s.kind {
	case constant:
		return "constant"
	case exponential:
		return "exponential"
	case logNormal:
		return "lognormal:" + number(s.param)
	case weibull:
		return "weibull:" + number(s.param)
	case pareto:
		return "pareto:" + number(s.param) + ":" + number(s.most)
	case empirical:
		return fmt.Sprintf("trace of %d", len(s.trace))
	}
	return "unset"
}

// MarshalText returns the shape's String.
func (s Shape) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText accepts what ParseShape does.
func (s *Shape) UnmarshalText(text []byte) (err error) {
	*s, err = ParseShape(string(text))
	return err
}

// ParseShape returns the shape that text names: "constant", "exponential",
// "lognormal:CV", "weibull:K" or "pareto:ALPHA:MOST". An error wraps ErrInput.
func ParseShape(text string) (Shape, error) {
	words := strings.Split(text, ":")
	var params []float64
	for _, w := range words[1:] {
		x, err := strconv.ParseFloat(w, 64)
		if err != nil {
			return Shape{}, fmt.Errorf("%w: shape %q: %q is not a number", ErrInput, text, w)
		}
		params = append(params, x)
	}
	within := func(i int, low, high float64) bool { return params[i] >= low && params[i] <= high }
	switch name := words[0]; {
	case name == "constant" && len(params) == 0:
		return Constant(), nil
	case name == "exponential" && len(params) == 0:
		return Exponential(), nil
	case name == "lognormal" && len(params) == 1 && within(0, 0x1p-20, 100):
		return LogNormal(params[0]), nil
	case name == "weibull" && len(params) == 1 && within(0, 0.2, 30):
		return Weibull(params[0]), nil
	case name == "pareto" && len(params) == 2 && within(0, 0.1, 30) && within(1, 1+0x1p-20, 1e9):
		return Pareto(params[0], params[1]), nil
	}
	return Shape{}, fmt.Errorf("%w: shape %q is none of constant, exponential, lognormal:CV, weibull:K, pareto:ALPHA:MOST, with CV in (0, 100], K in [0.2, 30], ALPHA in [0.1, 30], MOST in (1, 1e9]", ErrInput, text)
}

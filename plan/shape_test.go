package plan_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/plan"
)

// TestLogNormalQuantiles compares with the tail of the normal distribution from
// package math.
func TestLogNormalQuantiles(t *testing.T) {
	for _, cv := range []float64{0.01, 0.5, 1, 2, 10} {
		s := plan.LogNormal(cv)
		sigma := math.Sqrt(math.Log1p(cv * cv))
		for _, p := range []float64{1e-300, 1e-20, 1e-6, 0.01, 0.07, 0.08, 0.3, 0.5, 0.6, 0.9, 0.93, 0.95, 0.999, 1 - 1e-9} {
			z := (math.Log(s.Quantile(p)) + sigma*sigma/2) / sigma
			assert.InEpsilon(t, p, math.Erfc(-z/math.Sqrt2)/2, 1e-8, "cv %v, p %v", cv, p)
		}
	}
}

// TestPublishedMultipliers compares quantiles and maxima over means with tables
// that another program made, to the digits they give.
func TestPublishedMultipliers(t *testing.T) {
	p := []float64{0.50, 0.90, 0.95, 0.99}
	for cv, want := range map[float64][]float64{
		0.5: {0.89, 1.64, 1.95, 2.68},
		0.8: {0.78, 1.92, 2.48, 4.01},
		1.0: {0.71, 2.06, 2.78, 4.90},
		1.5: {0.55, 2.23, 3.31, 6.93},
		2.0: {0.45, 2.27, 3.60, 8.56},
	} {
		for i, x := range want {
			assert.InDelta(t, x, plan.LogNormal(cv).Quantile(p[i]), 0.0051, "cv %v, p %v", cv, p[i])
		}
	}
	for alpha, want := range map[float64][]float64{1.5: {2.46, 7.18}, 2: {2.24, 5.00}, 3: {1.81, 3.09}} {
		s := plan.Pareto(alpha, 1e9) // the table's is not cut off
		for i, p := range []float64{0.95, 0.99} {
			assert.InDelta(t, want[i], s.Quantile(p), 0.0051, "alpha %v, p %v", alpha, p)
		}
	}
	for cv, want := range map[float64][]float64{0.5: {1.54, 1.84, 2.14}, 1: {2.01, 2.67, 3.46}, 2: {2.56, 3.84, 5.54}} {
		for i, n := range []int{4, 8, 16} {
			// The table is of a simulation, which seldom sees the longest.
			assert.InEpsilon(t, want[i], plan.LogNormal(cv).MaxOf(n), 0.015, "cv %v, %d", cv, n)
		}
	}
}

func shapes(t *testing.T) []plan.Shape {
	trace, err := plan.Empirical([]float64{30, 1, 2, 2, 5})
	require.NoError(t, err)
	return []plan.Shape{
		plan.Constant(), plan.Exponential(), plan.LogNormal(0.5), plan.LogNormal(2), plan.Weibull(0.7), plan.Weibull(3),
		plan.Pareto(1.5, 1000), plan.Pareto(1, 50), plan.Pareto(2, 100), plan.Pareto(3, 1e4), trace,
	}
}

// TestMoments compares mean, variation and maxima with sums over a fine grid of
// quantiles.
func TestMoments(t *testing.T) {
	for _, s := range shapes(t) {
		const n = 50_000
		var mean, square, most float64
		for i := range n {
			p := (float64(i) + 0.5) / n
			x := s.Quantile(p)
			mean += x / n
			square += x * x / n
			most += x * 5 * math.Pow(p, 4) / n
		}
		assert.InDelta(t, 1, mean, 2e-3, "%v", s)
		assert.InEpsilon(t, 1+s.CV()*s.CV(), square, 0.03, "%v", s)
		assert.InEpsilon(t, most, s.MaxOf(5), 5e-3, "%v", s)
		assert.Equal(t, 1.0, s.MaxOf(1))
	}
	// H₅ = 1 + 1/2 + … + 1/5.
	assert.InEpsilon(t, 137.0/60, plan.Exponential().MaxOf(5), 1e-13)
	assert.InEpsilon(t, math.Sqrt(math.Gamma(1+2/0.7)/math.Pow(math.Gamma(1+1/0.7), 2)-1), plan.Weibull(0.7).CV(), 1e-12)
}

func TestParseShape(t *testing.T) {
	for _, s := range shapes(t)[:10] {
		again, err := plan.ParseShape(s.String())
		require.NoError(t, err)
		assert.Equal(t, s, again)
		require.NoError(t, again.UnmarshalText([]byte("exponential")))
		assert.Equal(t, plan.Exponential(), again)
	}
	for _, text := range []string{
		"", "normal", "lognormal", "lognormal:0", "lognormal:NaN", "lognormal:x", "lognormal:1:2", "weibull:0.1",
		"pareto:1", "pareto:1:1", "pareto:1:Inf", "constant:1",
	} {
		_, err := plan.ParseShape(text)
		assert.ErrorIs(t, err, plan.ErrInput, "%q", text)
	}
	for _, values := range [][]float64{nil, {1, 0}, {1, math.NaN()}, {math.Inf(1)}, {-1}} {
		_, err := plan.Empirical(values)
		assert.ErrorIs(t, err, plan.ErrInput)
	}
}

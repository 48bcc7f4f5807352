// Package roundofftest holds what package roundoff says of a quantization against the definition, for
// the tests of the packages that quantize.
package roundofftest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/roundoff"
)

// Values returns n values from ties to outliers, the same in each call, over the given number of
// powers of two.
func Values(n, powers int) []bf16.BF16 {
	rng := rand.New(rand.NewPCG(7, 7))
	x := make([]bf16.BF16, n)
	for i := range x {
		x[i] = bf16.FromFloat32(float32(rng.NormFloat64() * math.Ldexp(1, 1+rng.IntN(powers)-powers)))
	}
	return x
}

// Check compares a summary with what x, decoded, has lost, but for counts that need the multipliers of
// blocks: of saturated values and near-ties.
func Check(t *testing.T, x []bf16.BF16, decoded []float32, got roundoff.Summary) {
	t.Helper()
	want := roundoff.Summary{Values: int64(len(x)), Saturated: got.Saturated, NearTies: got.NearTies}
	var noise, power float64
	for i, v := range x {
		v, d := float64(v.Float32()), float64(decoded[i])
		e := math.Abs(v - d)
		if math.IsNaN(e) || math.IsInf(e, 0) {
			want.NonFinite++
			continue
		}
		if d == 0 && v != 0 {
			want.Flushed++
		}
		want.MaxError = max(want.MaxError, e)
		noise, power = noise+float64(e*e), power+float64(v*v)
	}
	n := float64(want.Values - want.NonFinite)
	assert.InEpsilon(t, noise/n, got.MSE, 1e-11)
	assert.InEpsilon(t, power/n, got.Power, 1e-11)
	want.MSE, want.Power = got.MSE, got.Power
	assert.Equal(t, want, got)
}

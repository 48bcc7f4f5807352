package sim

import (
	"math"
	"math/rand/v2"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// draw returns a number of the distribution, e^(μ + σz) of a standard normal z.
func (d LogNormal) draw(rng *rand.Rand) float64 {
	variance := kernel.Log(1 + float64(d.CV*d.CV))
	z := normal(rng)
	return float64(d.Mean * kernel.Exp(float64(math.Sqrt(variance)*z)-variance/2))
}

// normal returns a standard normal number, by Marsaglia's polar method.
func normal(rng *rand.Rand) float64 {
	for {
		u, v := float64(2*rng.Float64())-1, float64(2*rng.Float64())-1
		if s := float64(u*u) + float64(v*v); s > 0 && s < 1 {
			return float64(u * math.Sqrt(float64(-2*kernel.Log(s))/s))
		}
	}
}

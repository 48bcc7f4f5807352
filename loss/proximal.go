package loss

import "github.com/trueup-rl/trueup/internal/kernel"

// ProximalMethod says how ApproximateProximal goes between two policies.
type ProximalMethod uint8

const (
	LogLinear     ProximalMethod = iota // rollout + α·(current − rollout)
	Linear                              // ln((1−α)·e^rollout + α·e^current)
	SameAsRollout                       // rollout: α = 0
)

// ApproximateProximal estimates log π_old without a forward pass, for the
// decoupled mode, from where the policy that sampled a token stands among the
// updates: version[t] of it, version now of the policy that learns, and π_old one
// before.
//
//	α = (now − 1 − version)/(now − version), in [0, 1)
//	α = 0 where version is now or later, or negative (prompt tokens)
//
// (AReaL at 4aef98d.) A log-probability that is not finite gives one that is not.
// It panics if an array is shorter than dst.
func ApproximateProximal(dst, current, rollout []float32, version []int32, now int32, method ProximalMethod) {
	if len(current) < len(dst) || len(rollout) < len(dst) || len(version) < len(dst) {
		panic("loss: ApproximateProximal of arrays of different lengths")
	}
	for i := range dst {
		cur, ro := float64(current[i]), float64(rollout[i])
		alpha := 0.0
		if behind := int64(now) - int64(version[i]); version[i] >= 0 && behind > 1 {
			alpha = float64(behind-1) / float64(behind)
		}
		switch {
		case alpha == 0 || method == SameAsRollout:
			dst[i] = rollout[i]
		case method == LogLinear:
			dst[i] = float32(ro + float64(alpha*(cur-ro)))
		default:
			// The larger of the two outside, so that the logarithm has no underflow.
			top := max(cur, ro)
			mix := float64((1-alpha)*kernel.Exp(ro-top)) + float64(alpha*kernel.Exp(cur-top))
			dst[i] = float32(top + kernel.Log(mix))
		}
	}
}

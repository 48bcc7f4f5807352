package diagnose

import (
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/mismatch"
)

// typicalFloor is what a BF16 forward pass differs from itself by, in nats per
// token, where nobody measured: in the sample data, BF16 against float32 scores
// of the same weights give 0.0006 to 0.001.
const typicalFloor = 0.001

// Noise splits a mismatch into rounding, which depends on batch shapes and
// kernels and says nothing of the weights, and the rest: quantization, staleness
// or a defect. All figures are nats per token.
type Noise struct {
	K3, K3SE float64 // of the two columns, as mismatch.Summary has it
	// TrainerFloor and RolloutFloor are mean δ²/2, δ being the difference of two
	// scores of a token by the same weights: the divergence that rounding alone
	// makes, to second order. Against a float32 score it is that of the side's own
	// rounding; two scores in one precision both round, and give twice that. A side that was scored once is given the floor of
	// the other, or, with Measured false, 0.001.
	TrainerFloor, RolloutFloor float64
	Measured                   bool
	// Excess = K3 − TrainerFloor − RolloutFloor: independent errors add in KL.
	Excess, ExcessSE float64
	// Signal reports whether Excess is further above 0 than its noise, and than
	// half the floor, which no batch pins down better.
	Signal bool
}

// NoiseOf measures how much of a batch's mismatch is rounding. Standard errors
// are over clusters, as Probe has them. It panics as Probe does.
func NoiseOf(b *mismatch.Batch, o Options) Noise {
	p := newPairs(b, &o)
	type cluster struct{ n, k3, trainer, rollout float64 }
	var clusters []cluster
	at := make(map[int32]int)
	var all cluster
	for i := range p.count {
		var c cluster
		start, end := p.Layout.Row(i)
		for t := start; t < end; t++ {
			if !p.usable[t] {
				continue
			}
			_, k3 := kernel.ExpK3(max(-20, min(p.d(t), 20)))
			c.n++
			c.k3 += k3
			c.trainer += halfSquare(p.Trainer, o.TrainerAgain, t)
			c.rollout += halfSquare(p.Rollout, o.RolloutAgain, t)
		}
		k, ok := at[p.cluster(i)]
		if !ok {
			k = len(clusters)
			at[p.cluster(i)] = k
			clusters = append(clusters, cluster{})
		}
		for _, to := range []*cluster{&clusters[k], &all} {
			to.n += c.n
			to.k3 += c.k3
			to.trainer += c.trainer
			to.rollout += c.rollout
		}
	}
	var out Noise
	if all.n == 0 {
		return out
	}
	// Floors as a·trainer + b·rollout + constant, so that their errors enter.
	a, r, constant := 1.0, 1.0, 0.0
	switch out.Measured = o.TrainerAgain != nil || o.RolloutAgain != nil; {
	case !out.Measured:
		a, r, constant = 0, 0, 2*typicalFloor
	case o.RolloutAgain == nil:
		a, r = 2, 0
	case o.TrainerAgain == nil:
		a, r = 0, 2
	}
	floor := (float64(a*all.trainer)+float64(r*all.rollout))/all.n + constant
	out.K3 = all.k3 / all.n
	out.TrainerFloor, out.RolloutFloor = floor/2, floor/2
	if a == r && out.Measured {
		out.TrainerFloor, out.RolloutFloor = all.trainer/all.n, all.rollout/all.n
	}
	out.Excess = out.K3 - floor
	if len(clusters) < 2 {
		return out
	}
	k3Sq, excessSq := 0.0, 0.0
	for _, c := range clusters {
		e := c.k3 - float64(out.K3*c.n)
		k3Sq += float64(e * e)
		e = c.k3 - float64(a*c.trainer) - float64(r*c.rollout) - float64((out.Excess+constant)*c.n)
		excessSq += float64(e * e)
	}
	out.K3SE = clusterSE(k3Sq, len(clusters), all.n)
	out.ExcessSE = clusterSE(excessSq, len(clusters), all.n)
	out.Signal = out.Excess > max(floor/2, float64(p.sigmas(1)*out.ExcessSE))
	return out
}

// halfSquare returns δ²/2 of element t, 0 without a second score.
func halfSquare(x, again []float32, t int) float64 {
	if again == nil || !finite(again[t]) {
		return 0
	}
	d := float64(x[t]) - float64(again[t])
	return float64(d*d) / 2
}

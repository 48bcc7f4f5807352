package diagnose

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/trueup-rl/trueup/correction"
)

// Estimate is a figure and its standard error by bootstrap over prompts.
type Estimate struct {
	Value float64 `json:"value"`
	SE    float64 `json:"se"`
}

// Candidate is a correction and what it does to the gradient; see Advisor.
type Candidate struct {
	Policy correction.Policy `json:"policy"`
	// Mass is the mean weight, an estimate of E[w]: the share of the trainer's
	// probability that the weights stand for. 1 − Mass is what a cap loses.
	Mass     Estimate `json:"mass"`
	Rejected float64  `json:"rejected"` // share of the tokens whose weight is 0
	ESS      Estimate `json:"ess"`      // (Σw)²/(n·Σw²)
	Bias     Estimate `json:"bias"`     // in units of mean |f|, as are those below
	StdErr   float64  `json:"stderr"`   // √variance
	MSE      Estimate `json:"mse"`
	// Doubt says why the figures cannot be trusted; empty if they can.
	Doubt string `json:"doubt,omitempty"`

	mses []float64 // by replicate; the draws are the same for all candidates
}

// Advice are the candidates in the order of the policies.
type Advice struct {
	Prompts    int         `json:"prompts"`
	Tokens     int64       `json:"tokens"`
	K3         float64     `json:"k3"`
	Candidates []Candidate `json:"candidates"`
}

// replicates of the bootstrap; the error of a standard error is then 5 %.
const replicates = 200

// fewestPrompts is what the bootstrap needs.
const fewestPrompts = 8

// Advice returns what the batches so far tell. The bootstrap draws with a
// generator that is keyed by seed, replicate and draw: one seed gives one answer,
// whatever the machine.
func (a *Advisor) Advice(seed uint64) Advice {
	m := a.stats.Summary()
	out := Advice{Tokens: m.Tokens, K3: m.K3}
	prompts := make([]*promptSums, 0, len(a.prompts))
	for _, s := range a.prompts {
		if s.n > 0 {
			prompts = append(prompts, s)
		}
	}
	out.Prompts = len(prompts)
	if len(prompts) == 0 {
		return out
	}
	drawn := make([]*promptSums, len(prompts))
	for k, c := range a.correctors {
		whole := gradientOf(prompts, k)
		var mass, ess, bias, mse spread
		mses := make([]float64, replicates)
		for r := range replicates {
			for i := range drawn {
				drawn[i] = prompts[draw(seed, uint64(r), uint64(i), uint64(len(prompts)))]
			}
			g := gradientOf(drawn, k)
			mses[r] = g.mse(whole.biasErr2)
			mass.add(g.mass)
			ess.add(g.ess)
			bias.add(g.bias(whole.biasErr2))
			mse.add(mses[r])
		}
		out.Candidates = append(out.Candidates, Candidate{
			Policy:   c.Policy(),
			Mass:     Estimate{whole.mass, mass.std()},
			Rejected: whole.rejected,
			ESS:      Estimate{whole.ess, ess.std()},
			Bias:     Estimate{whole.bias(whole.biasErr2), bias.std()},
			StdErr:   math.Sqrt(whole.variance),
			MSE:      Estimate{whole.mse(whole.biasErr2), mse.std()},
			Doubt:    doubt(c.Policy(), whole, m.K3, len(prompts)),
			mses:     mses,
		})
	}
	return out
}

// gradient holds the figures of one policy over some prompts.
type gradient struct {
	mass, rejected, ess        float64
	biasSq, biasErr2, variance float64 // Σ b², Σ SE(b)² and Σ SE(θ̂)² over classes
}

func gradientOf(prompts []*promptSums, k int) gradient {
	var all promptSums
	var policy policySums
	for _, s := range prompts {
		q := &s.policies[k]
		all.n += s.n
		all.scale += s.scale
		all.ratio += s.ratio
		policy.kept += q.kept
		policy.w += q.w
		policy.w2 += q.w2
		for c := range all.target {
			all.target[c] += s.target[c]
			policy.estimate[c] += q.estimate[c]
		}
	}
	n := all.n
	g := gradient{mass: massOf(prompts, k, policy.w/n, all.ratio/n), rejected: 1 - policy.kept/n}
	if policy.w2 > 0 {
		g.ess = policy.w / n * policy.w / policy.w2
	}
	if all.scale == 0 {
		return g
	}
	unit := all.scale / n
	for c := range all.target {
		theta, bias := policy.estimate[c]/n, (policy.estimate[c]-all.target[c])/n
		g.biasSq += float64(bias / unit * bias / unit)
		if len(prompts) < 2 {
			continue
		}
		thetaSq, biasSq := 0.0, 0.0
		for _, s := range prompts {
			q := s.policies[k].estimate[c]
			e := (q - float64(theta*s.n)) / unit
			thetaSq += float64(e * e)
			e = (q - s.target[c] - float64(bias*s.n)) / unit
			biasSq += float64(e * e)
		}
		se := clusterSE(thetaSq, len(prompts), n)
		g.variance += float64(se * se)
		se = clusterSE(biasSq, len(prompts), n)
		g.biasErr2 += float64(se * se)
	}
	return g
}

// massOf returns the mean weight w, relieved of the noise that it shares with the
// mean ratio: w − β·(ratio − 1), where β is the regression of the one on the
// other over prompts (a control variate, whose expectation of 1 is known).
func massOf(prompts []*promptSums, k int, w, ratio float64) float64 {
	cross, squares := 0.0, 0.0
	for _, s := range prompts {
		e := s.ratio - float64(ratio*s.n)
		cross += float64(e * (s.policies[k].w - float64(w*s.n)))
		squares += float64(e * e)
	}
	if squares == 0 {
		return w
	}
	return w - float64((ratio-1)*cross/squares)
}

// biasSquare returns the square of the bias's norm, given the error of g.biasSq;
// 0 where it is what weights in float32 come to.
func (g *gradient) biasSquare(biasErr2 float64) float64 {
	if b := g.biasSq - biasErr2; b > 1e-12 {
		return b
	}
	return 0
}

// bias returns the norm of the bias, given the error of its square.
func (g *gradient) bias(biasErr2 float64) float64 { return math.Sqrt(g.biasSquare(biasErr2)) }

// mse returns the mean square error likewise.
func (g *gradient) mse(biasErr2 float64) float64 { return g.biasSquare(biasErr2) + g.variance }

// spread accumulates a standard deviation.
type spread struct{ n, sum, squares, first float64 }

func (s *spread) add(x float64) {
	if s.n == 0 {
		s.first = x // differences from it keep their digits
	}
	x -= s.first
	s.n++
	s.sum += x
	s.squares += float64(x * x)
}

func (s *spread) std() float64 {
	return math.Sqrt(max(0, s.squares-float64(s.sum/s.n*s.sum)) / (s.n - 1))
}

// draw returns a number below n that depends on its arguments alone: the
// SplitMix64 finalizer (G. L. Steele et al., 2014) over the three in turn.
func draw(seed, replicate, i, n uint64) uint64 {
	x := seed
	for _, y := range [...]uint64{replicate, i} {
		x += 0x9e3779b97f4a7c15 * (y + 1)
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		x ^= x >> 31
	}
	hi, _ := bits.Mul64(x, n)
	return hi
}

// boundedEnough is the cap under which a weight's own moments are well sampled
// however heavy the ratio's tail.
const boundedEnough = 5

func doubt(p correction.Policy, g gradient, k3 float64, prompts int) string {
	weight := p.Weight
	unbounded := weight.Rule != correction.Unweighted && weight.Hi > boundedEnough
	switch {
	case prompts < fewestPrompts:
		return fmt.Sprintf("%d prompts are too few for standard errors", prompts)
	case unbounded && k3 > chi2Doubt:
		return "the tokens that carry the ratio's tail were hardly sampled: ESS is too high, variance too low"
	case weight.Rule != correction.Unweighted && weight.Level == correction.Sequence && float64(g.ess*float64(prompts)) < effectiveRowsFloor:
		return "a few rows hold all the weight"
	}
	return ""
}

// Criterion is what Pick goes by.
type Criterion uint8

const (
	// MinimumMSE takes the least mean square error; of those whose difference from
	// it is within one standard error, the one with the least bias.
	MinimumMSE Criterion = iota
	// TargetESS takes, of the candidates whose ESS is the target or more, the one
	// with the least bias.
	TargetESS
	// TargetRejection takes, of the candidates that reject the target's share or
	// less, the one with the least mean square error.
	TargetRejection
)

// Pick returns the candidate that the criterion takes; the target is not looked
// at for MinimumMSE. Candidates in doubt, and those that reject everything, are
// passed over. Ties go to the earlier one; ok is false if none is left.
func (a *Advice) Pick(by Criterion, target float64) (pick Candidate, ok bool) {
	switch by {
	case TargetESS:
		return a.least(func(c *Candidate) (float64, bool) { return c.Bias.Value, c.ESS.Value >= target })
	case TargetRejection:
		return a.least(func(c *Candidate) (float64, bool) { return c.MSE.Value, c.Rejected <= target })
	}
	best, ok := a.least(func(c *Candidate) (float64, bool) { return c.MSE.Value, true })
	if !ok {
		return best, false
	}
	return a.least(func(c *Candidate) (float64, bool) {
		var difference spread
		for r, x := range c.mses {
			difference.add(x - best.mses[r])
		}
		return c.Bias.Value, c.MSE.Value <= best.MSE.Value+difference.std()
	})
}

// least returns the eligible candidate of the least value.
func (a *Advice) least(value func(*Candidate) (x float64, eligible bool)) (pick Candidate, ok bool) {
	least := math.Inf(1)
	for i := range a.Candidates {
		c := &a.Candidates[i]
		if c.Doubt != "" || c.Rejected == 1 {
			continue
		}
		if x, eligible := value(c); eligible && x < least {
			least, pick, ok = x, *c, true
		}
	}
	return pick, ok
}

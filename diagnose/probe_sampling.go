package diagnose

import (
	"math"
	"slices"

	"github.com/trueup-rl/trueup/internal/kernel"
)

const (
	// A slope of d on the rollout column that precision can have, and the part of
	// it that grows with K3. In the sample data it is 0.01 at most below 0.05
	// nats and reaches 0.046 at 0.7.
	slopeSlack, slopePerNat = 0.025, 0.1
	// A departure of the mean ratio from 1 that is of no consequence.
	ratioHarmless = 0.003
	// The same, in nats, of the mean log-probability from minus the entropy.
	biasHarmless = 0.005
	// The least −ln p of the trainer, on average, where the rollout column is 0,
	// that tells a truncated support from saturation.
	collapsed = 0.003
	// A rollout log-probability above this one is 0 but for rounding.
	certain = -1e-6
)

// probeSampling asks whether the tokens were sampled from the distribution that
// the rollout column is of, and the trainer's is tempered likewise.
//
//	slope  β = Cov(d, x)/Var(x), x = rollout log-probability (+ entropy, if known)
//	ratio  mean w, 1 in expectation; with a sampler that keeps a mass S and
//	       renormalises, S; more if the column is not what was sampled
//	zeros  mean 1 − w where the rollout column is 0: a nucleus of one token
//	calibration  mean of rollout log-probability + entropy, 0 in expectation
func probeSampling(p *pairs) []Finding {
	s := newSampling(p)
	if len(s.clusters) < fewestClusters || s.n < 200 {
		return nil
	}
	z := p.sigmas(4)
	ratio, ratioSE := s.mean(func(c *sums) float64 { return c.w }, func(c *sums) float64 { return c.n })
	over := (ratio - 1 - ratioHarmless) / ratioSE
	// w is skewed to the right, so that its mean errs downward more easily.
	under := (1 - ratio - ratioHarmless) / ratioSE / (1 + s.skew)
	zero, zeroSE := s.zeros()
	collapse := (zero - collapsed) / zeroSE
	slope, slopeSE := s.slope()
	tempered := (math.Abs(slope) - slopeSlack - float64(slopePerNat*s.k3)) / slopeSE

	meanRatio := []Quantity{{"mean ratio, 1 expected", ratio, ""}, {"its standard error", ratioSE, ""}}
	slopes := []Quantity{{"slope of d on the rollout column", slope, ""}, {"its standard error", slopeSE, ""}}
	f := Finding{Test: ZScore, Threshold: z}
	if p.RolloutEntropy != nil {
		bias, se := s.mean(func(c *sums) float64 { return c.x }, func(c *sums) float64 { return c.n })
		slopes = append(slopes, Quantity{"rollout temperature over trainer temperature", 1 + slope, ""})
		f.Strength = (math.Abs(bias) - biasHarmless) / se
		f.Evidence = []Quantity{{"mean of rollout log-probability + entropy, 0 expected", bias, "nats"}, {"its standard error", se, "nats"}}
	}
	// The coarse before the fine: a column that was not sampled from, and a
	// truncated support, give slopes too.
	switch {
	case f.Strength > z:
		f.Kind, f.Fix = Processing, processedFix
	case tempered > z && over > z:
		f.Kind, f.Fix, f.Strength = Processing, processedFix, min(tempered, over)
		f.Evidence = append(meanRatio, slopes...)
	case under > z:
		f.Kind, f.Fix, f.Strength, f.Evidence = Truncation, truncationFix, under, meanRatio
	case tempered > z:
		f.Kind, f.Strength = Temperature, tempered
		f.Fix = temperatureFix
		f.Evidence = append(slopes, meanRatio...)
	case s.certain >= 20 && collapse > z:
		f.Kind, f.Fix, f.Strength = Truncation, truncationFix, collapse
		f.Evidence = append([]Quantity{
			{"tokens whose rollout log-probability is 0", float64(s.certain), ""}, {"mean 1 − w there", zero, ""},
		}, meanRatio...)
	case over > z:
		f.Kind, f.Fix, f.Strength, f.Evidence = Processing, processedFix, over, meanRatio
	default:
		return nil
	}
	return []Finding{f}
}

const (
	processedFix   = "Have the engine return the log-probabilities of the distribution it samples from (vLLM: logprobs_mode=processed_logprobs) and temper the trainer's logits alike."
	temperatureFix = "Divide the trainer's logits by the temperature of the sampler; if they are, the engine returns log-probabilities from before its temperature (vLLM: logprobs_mode=processed_logprobs)."
	truncationFix  = "Pass ln S, the log of the mass that top-p, top-k or min-p left, with each token and subtract it from the rollout column, or sample with top-p 1 and no top-k."
)

// sums are those of a cluster.
type sums struct {
	n, w, d          float64
	x, xx, xd        float64
	certain, missing float64 // tokens at 0, and Σ 1 − w there
}

// sampling is what probeSampling reads.
type sampling struct {
	clusters []sums
	n, k3    float64
	skew     float64 // see skewness
	certain  int
	all      sums
}

func newSampling(p *pairs) *sampling {
	s := new(sampling)
	at := make(map[int32]int)
	for i := range p.count {
		start, end := p.Layout.Row(i)
		for t := start; t < end; t++ {
			if !p.usable[t] || p.RolloutEntropy != nil && !finite(p.RolloutEntropy[t]) {
				continue
			}
			k, ok := at[p.cluster(i)]
			if !ok {
				k = len(s.clusters)
				at[p.cluster(i)] = k
				s.clusters = append(s.clusters, sums{})
			}
			c := &s.clusters[k]
			d, x := max(-20, min(p.d(t), 20)), float64(p.Rollout[t])
			if p.RolloutEntropy != nil {
				x += float64(p.RolloutEntropy[t])
			}
			w, k3 := kernel.ExpK3(d)
			s.k3 += k3
			c.n++
			c.w += w
			c.d += d
			c.x += x
			c.xx += float64(x * x)
			c.xd += float64(x * d)
			if p.Rollout[t] > certain {
				c.certain++
				c.missing += 1 - w
				s.certain++
			}
		}
	}
	for i := range s.clusters {
		c := &s.clusters[i]
		a := &s.all
		a.n, a.w, a.d = a.n+c.n, a.w+c.w, a.d+c.d
		a.x, a.xx, a.xd = a.x+c.x, a.xx+c.xx, a.xd+c.xd
		a.certain, a.missing = a.certain+c.certain, a.missing+c.missing
	}
	s.n = s.all.n
	if s.n > 0 {
		s.k3 /= s.n
	}
	s.skew = s.skewness()
	return s
}

// mean returns Σ y/Σ n over clusters and its standard error (the linearised ratio
// estimator; see mismatch.Clusters).
func (s *sampling) mean(y, n func(*sums) float64) (mean, se float64) {
	total := n(&s.all)
	if total == 0 {
		return 0, math.Inf(1)
	}
	mean = y(&s.all) / total
	squares := 0.0
	for i := range s.clusters {
		c := &s.clusters[i]
		e := y(c) - float64(mean*n(c))
		squares += float64(e * e)
	}
	return mean, max(clusterSE(squares, len(s.clusters), total), 1e-12)
}

// zeros returns the mean of 1 − w where the rollout column is 0.
func (s *sampling) zeros() (mean, se float64) {
	return s.mean(func(c *sums) float64 { return c.missing }, func(c *sums) float64 { return c.certain })
}

// slope returns the least-squares slope of d on x and its cluster-robust standard
// error.
func (s *sampling) slope() (slope, se float64) {
	a := &s.all
	mx, md := a.x/a.n, a.d/a.n
	sxx := a.xx - float64(mx*a.x)
	if sxx <= 0 {
		return 0, math.Inf(1)
	}
	slope = (a.xd - float64(mx*a.d)) / sxx
	squares := 0.0
	for i := range s.clusters {
		c := &s.clusters[i]
		// Σ (x − mx)(d − md − slope·(x − mx)) over the cluster.
		xd := c.xd - float64(mx*c.d) - float64(md*c.x) + float64(mx*md*c.n)
		xx := c.xx - float64(2*mx*c.x) + float64(mx*mx*c.n)
		e := xd - float64(slope*xx)
		squares += float64(e * e)
	}
	return slope, max(clusterSE(squares, len(s.clusters), sxx), 1e-12)
}

// skewness returns the sample skewness of the clusters' sums of w − mean w over
// √clusters, Σe³/(Σe²)^1.5, or 0 if negative.
func (s *sampling) skewness() float64 {
	if s.n == 0 {
		return 0
	}
	mean := s.all.w / s.n
	e := make([]float64, len(s.clusters))
	for i := range s.clusters {
		e[i] = s.clusters[i].w - float64(mean*s.clusters[i].n)
	}
	slices.Sort(e) // one order of summation, whatever the order of rows
	m2, m3 := 0.0, 0.0
	for _, x := range e {
		m2 += float64(x * x)
		m3 += float64(x * x * x)
	}
	if m2 == 0 {
		return 0
	}
	return max(0, m3/m2/math.Sqrt(m2))
}

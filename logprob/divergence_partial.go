package logprob

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// DivergencePartial is what a part of the vocabulary adds to the divergences of
// two rows, in fixed point. A rank that holds a shard of both learns the rows'
// log-sum-exps first, from a [Partial] of each that it merges with those of the
// others, and then merges this:
//
//	d := logprob.DivergencePartialOf(rollout, trainer, p.Row().LogSumExp, q.Row().LogSumExp, 1)
//	d.Merge(&fromAnotherRank)
//	divergence := d.Divergence()
//
// The zero value is that of an empty part. Equal partials are == .
type DivergencePartial struct {
	sums      [pairSums]scaledSum
	infinite  [pairSums]bool // sums that are +Inf
	reference pairReference
	nonFinite int64
}

// pairReference is what the terms of all parts are worked out with. Its zero
// value is that of an empty part.
type pairReference struct {
	invTemp          float32
	rollout, trainer float64 // log-sum-exps, +Inf for NaN, which would equal nothing
}

func newPairReference(invTemp float32, rollout, trainer float64) pairReference {
	for _, lse := range []*float64{&rollout, &trainer} {
		if *lse != *lse {
			*lse = math.Inf(1)
		}
	}
	return pairReference{invTemp, rollout, trainer}
}

// finite reports whether both rows stand for a distribution.
func (r *pairReference) finite() bool {
	return math.Abs(r.rollout) <= math.MaxFloat64 && math.Abs(r.trainer) <= math.MaxFloat64
}

// Indices of the sums of kernel.PairSums.
const (
	sumMass = iota
	sumSigned
	sumNet
	sumGross
	sumKL
	sumReverse
	sumSquare
	pairSums
)

// DivergencePartialOf returns the partial of a shard of two rows whose
// log-sum-exps over the whole vocabulary are given, both scaled by invTemp, as a
// [Row] has them: NaN for a row with a fault. Faults are counted then, and only
// then. All parts must be given the same ones. It panics if the lengths differ.
//
// The result hardly depends on the last digits of the log-sum-exps: if those are
// off by up to 1e-4, the total variation may be by as much, for tokens with a
// ln(q/p) closer to 0 than that, and the others are what [Between] promises.
func DivergencePartialOf[P, Q Logit](rollout []P, trainer []Q, rolloutLogSumExp, trainerLogSumExp float64, invTemp float32) DivergencePartial {
	checkInvTemp(invTemp)
	checkPair(len(rollout), len(trainer))
	p := DivergencePartial{reference: newPairReference(invTemp, rolloutLogSumExp, trainerLogSumExp)}
	if !p.reference.finite() {
		p.nonFinite = countFaults(rollout, invTemp) + countFaults(trainer, invTemp)
		return p
	}
	scale := kernel.NewPairScale(invTemp, rolloutLogSumExp, trainerLogSumExp)
	for i := 0; i < len(rollout); i += kernel.Chunk {
		end := min(i+kernel.Chunk, len(rollout))
		s := kernel.PairChunk(rollout[i:end], trainer[i:end], &scale)
		p.add(&s)
	}
	return p
}

// add adds a chunk.
func (p *DivergencePartial) add(s *kernel.PairSums) {
	for i, x := range [pairSums]float64{s.Mass, s.Signed, s.Net, s.Gross, s.KL, s.Reverse, s.Square} {
		if x > math.MaxFloat64 {
			p.infinite[i] = true
		} else {
			p.sums[i].add(x, 0)
		}
	}
}

// Merge adds the partial of another part of the vocabulary. It panics if the two
// were given other log-sum-exps, or another inverse temperature.
func (p *DivergencePartial) Merge(o *DivergencePartial) {
	switch (pairReference{}) {
	case o.reference:
		return
	case p.reference:
		*p = *o
		return
	}
	if p.reference != o.reference {
		panic("logprob: partials of different pairs of rows")
	}
	for i := range p.sums {
		p.sums[i].merge(&o.sums[i])
		p.infinite[i] = p.infinite[i] || o.infinite[i]
	}
	p.nonFinite += o.nonFinite
}

// Divergence returns the figures of the whole, once all parts are merged. It
// panics if there was none.
func (p *DivergencePartial) Divergence() Divergence {
	if p.reference == (pairReference{}) {
		panic("logprob: no partial was merged")
	}
	if p.reference.finite() {
		return p.normalize()
	}
	n := p.nonFinite
	for _, lse := range []float64{p.reference.rollout, p.reference.trainer} {
		if lse < 0 { // -Inf
			n++
		}
	}
	nan := math.NaN()
	return Divergence{KL: nan, ReverseKL: nan, ChiSquare: nan, TotalVariation: nan, NonFinite: int(n)}
}

// normalize divides the sums by what remains of the references. With P and Q the
// masses by those, and ρ = (Q − P)/P, the distributions are p/P and q/Q, and δ is
// ln(1+ρ) above the logarithm of their ratio. That makes the divergences what is
// written here, exactly; of the total variation, but for tokens whose q/p is
// within ρ of 1, which may be taken for the wrong side.
func (p *DivergencePartial) normalize() Divergence {
	mass := p.sums[sumMass].float64()
	over := func(i int) float64 {
		if p.infinite[i] {
			return math.Inf(1)
		}
		return p.sums[i].float64() / mass
	}
	rho := over(sumNet)
	rest := belowLog(rho)
	square := float64(rho * rho)
	more := (1 + over(sumSigned)) / 2  // Σ p of tokens with q > p
	gain := (over(sumGross) + rho) / 2 // Σ q − p of them
	return Divergence{
		KL:             max(0, over(sumKL)-rest),
		ReverseKL:      max(0, (over(sumReverse)-square)/(1+rho)+rest),
		ChiSquare:      max(0, (over(sumSquare)-square)/(1+rho)/(1+rho)),
		TotalVariation: min(1, max(0, (gain-float64(rho*more))/(1+rho))),
	}
}

// belowLog returns ρ − ln(1+ρ).
func belowLog(rho float64) float64 {
	if math.Abs(rho) > 0x1p-8 {
		return rho - kernel.Log(1+rho)
	}
	s := 0.0
	for k := 9; k >= 2; k-- {
		s = 1/float64(k) - float64(rho*s)
	}
	return float64(rho * rho * s)
}

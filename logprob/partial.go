package logprob

import (
	"math"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// Partial is what a part of the vocabulary adds to a row: Σ e^z and Σ z·e^z in
// fixed point, the faults, and the chosen token's z if the part holds it. Its
// size does not depend on the part's.
//
// The zero value is that of an empty part. Equal partials are == .
type Partial struct {
	mass      scaledSum // Σ e^z
	energy    scaledSum // Σ z·e^z
	token     float64   // z of the chosen token
	held      bool      // token was met
	nonFinite int64
}

// PartialOf returns the partial of the shard that holds the tokens
// offset … offset+len(shard)−1 of a vocabulary. The token may lie in another
// shard. It panics if offset or token is negative.
func PartialOf[L Logit](shard []L, offset, token int, invTemp float32) Partial {
	checkInvTemp(invTemp)
	if offset < 0 || token < 0 {
		panic("logprob: negative offset or token")
	}
	var p Partial
	if i := token - offset; i >= 0 && i < len(shard) {
		p.held, p.token = true, scaled(shard[i], invTemp)
		if p.token != p.token {
			p.token = 0 // counted as a fault below
		}
	}
	for len(shard) > 0 {
		chunk := shard[:min(kernel.Chunk, len(shard))]
		shard = shard[len(chunk):]
		sums := chunkSums(chunk, invTemp)
		if !p.add(&sums, invTemp) {
			p.nonFinite += countFaults(chunk, invTemp)
		}
	}
	return p
}

// add adds a chunk. It reports false, and adds nothing, if the chunk holds a
// fault.
func (p *Partial) add(s *kernel.LogitSums, a float32) bool {
	if s.Weighted != s.Weighted {
		return false
	}
	c := float64(float64(s.Max) * float64(a))
	if c < -maxScaled {
		return true
	}
	if c > maxScaled {
		return false
	}
	// Σ e^z = e^c·Sum and, with z = c + a·(x−Max), Σ z·e^z = e^c·(c·Sum + a·Weighted).
	m, n := kernel.ExpParts(c)
	p.mass.add(float64(m*s.Sum), n)
	p.energy.add(float64(m*(float64(c*s.Sum)+float64(float64(a)*s.Weighted))), n)
	return true
}

func countFaults[L Logit](x []L, a float32) int64 {
	var n int64
	for _, v := range x {
		if z := scaled(v, a); z != z {
			n++
		}
	}
	return n
}

// Merge adds the partial of another part of the vocabulary. It panics if both
// hold the token, which parts that do not overlap cannot.
func (p *Partial) Merge(o *Partial) {
	if p.held && o.held {
		panic("logprob: two partials hold the token")
	}
	if o.held {
		p.held, p.token = true, o.token
	}
	p.mass.merge(&o.mass)
	p.energy.merge(&o.energy)
	p.nonFinite += o.nonFinite
}

// Held reports whether a part that was merged held the token.
func (p *Partial) Held() bool { return p.held }

// Row returns the figures of the whole, once all parts are merged. It panics if
// none held the token.
func (p *Partial) Row() Row {
	if !p.held {
		panic("logprob: no partial holds the token")
	}
	lse := p.logSumExp()
	switch {
	case lse != lse:
		return Row{LogProb: lse, LogSumExp: lse, Entropy: lse, NonFinite: int(p.nonFinite)}
	case lse < -math.MaxFloat64:
		return Row{LogProb: lse, LogSumExp: lse}
	}
	m, e := p.mass.parts()
	u, f := p.energy.parts()
	mean := math.Ldexp(u/m, int(f-e)) // of z
	return Row{
		LogProb:   min(0, p.token-lse),
		LogSumExp: lse,
		Entropy:   max(0, lse-mean),
	}
}

// logSumExp returns ln Σ e^z: NaN with a fault, -Inf without any mass.
func (p *Partial) logSumExp() float64 {
	if p.nonFinite > 0 {
		return math.NaN()
	}
	m, e := p.mass.parts()
	if m == 0 {
		return math.Inf(-1)
	}
	return math.FMA(float64(e), math.Ln2, kernel.Log(m))
}

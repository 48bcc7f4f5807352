package loss

import (
	"math"

	"github.com/trueup-rl/trueup/internal/exact"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// Stats are the loss and what can be said of it, as sums over tokens: those of
// micro-batches and ranks, merged in any order, hold the same bits as those of one
// batch. Sums beyond 2¹⁰⁰ are held there. The zero value is empty.
type Stats struct {
	rows, empty, tokens, nonFinite  int64
	clipped                         [3]int64 // by the sign of A: 0, +, −
	capped, bounded                 int64
	loss, penalty                   exact.Sum
	logRatio, boundedLogRatio       exact.Sum
	ratio, factor, weight           exact.Moments
	keptK3, clippedK3, kl, surprise exact.Sum
}

// addRow adds an evaluated row; valid counts its tokens in the mask, c is its
// coefficient.
func (s *Stats) addRow(r *row, valid int64, c float64, config *Config) {
	n := int64(len(r.tokens))
	s.rows++
	s.tokens += n
	s.nonFinite += valid - n
	if n == 0 {
		s.empty++
		return
	}
	var loss, kl, d, bounded, keptK3, clippedK3, surprise float64
	var ratio, factor, weight exact.Block
	for i := range r.tokens {
		t := &r.tokens[i]
		loss += t.value
		kl += t.penalty
		d += t.d
		bounded += t.bounded
		observe(&ratio, t.ratio)
		observe(&factor, t.factor)
		observe(&weight, t.weight)
		if t.clipped {
			s.clipped[sign(t.adv)]++
			clippedK3 += t.k3
		} else {
			keptK3 += t.k3
		}
		if t.capped {
			s.capped++
		}
		if !t.free() {
			s.bounded++
		}
		if r.hasRollout && t.rollout-t.rollout == 0 {
			w := kernel.Exp(clamp(t.cur-t.rollout, -r.bound, r.bound))
			surprise -= float64(w * t.cur)
		}
	}
	s.loss.Add(hold(float64(c * loss)))
	s.penalty.Add(hold(float64(c * config.Reference.Coef * kl)))
	s.kl.Add(hold(kl))
	s.logRatio.Add(hold(d))
	s.boundedLogRatio.Add(bounded)
	s.keptK3.Add(hold(keptK3))
	s.clippedK3.Add(hold(clippedK3))
	s.surprise.Add(hold(surprise))
	addBlock(&s.ratio, ratio)
	addBlock(&s.factor, factor)
	addBlock(&s.weight, weight)
}

func observe(b *exact.Block, x float64) {
	if b.N == 0 {
		b.Min, b.Max = x, x
	}
	b.N++
	b.Sum += x
	b.SumSq += float64(x * x)
	b.Min, b.Max = min(b.Min, x), max(b.Max, x)
}

func addBlock(m *exact.Moments, b exact.Block) {
	b.Sum, b.SumSq = hold(b.Sum), hold(b.SumSq)
	m.AddBlock(b)
}

// hold keeps x in the range of the sums.
func hold(x float64) float64 { return clamp(x, -0x1p100, 0x1p100) }

// sign returns 0, 1 or 2 for zero, positive and negative.
func sign(x float64) int {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return 2
	}
	return 0
}

// Merge adds what o has accumulated.
func (s *Stats) Merge(o *Stats) {
	s.rows += o.rows
	s.empty += o.empty
	s.tokens += o.tokens
	s.nonFinite += o.nonFinite
	for i, n := range o.clipped {
		s.clipped[i] += n
	}
	s.capped += o.capped
	s.bounded += o.bounded
	s.loss.Merge(&o.loss)
	s.penalty.Merge(&o.penalty)
	s.logRatio.Merge(&o.logRatio)
	s.boundedLogRatio.Merge(&o.boundedLogRatio)
	s.ratio.Merge(&o.ratio)
	s.factor.Merge(&o.factor)
	s.weight.Merge(&o.weight)
	s.keptK3.Merge(&o.keptK3)
	s.clippedK3.Merge(&o.clippedK3)
	s.kl.Merge(&o.kl)
	s.surprise.Merge(&o.surprise)
}

// Summary holds sums over tokens, each rounded once; other fields say so. Sums of
// several Summaries may be added, extremes widened.
type Summary struct {
	Rows, EmptyRows int64
	Tokens          int64 // in the mask and finite
	NonFinite       int64 // in the mask and not finite

	// PolicyLoss is Σ c·w·ℓ and Penalty Σ c·β·k. The loss is their sum.
	PolicyLoss, Penalty float64

	// Tokens that a clip or mask acted on, by the sign of the advantage: above
	// the upper bound with A > 0 and below the lower with A < 0 for PPO and
	// GSPO; beyond either for CISPO, GMPO and Reinforce; masked for DPPO, M2PO,
	// PrimeRL and IPO.
	ClippedPositive, ClippedNegative, ClippedZero int64
	Capped                                        int64 // by Dual, or by DPPO's Cap
	Bounded                                       int64 // log-ratio beyond the bound

	// LogRatio is Σ (cur − anchor), BoundedLogRatio the same with each clamped to
	// the bound. Ratio is r (GSPO: s), Factor what the loss makes of it: the
	// clipped ratio, the gate, φ.
	LogRatio, BoundedLogRatio float64
	Ratio, Factor, Weight     Moments
	// KeptK3 and ClippedK3 are Σ (r − 1 − log r) over tokens that a clip or mask
	// left alone and over those it acted on.
	KeptK3, ClippedK3 float64
	// KL is Σ k of the reference term.
	KL float64
	// Entropy is −Σ e^(cur − rollout)·cur, an estimate of Σ of the policy's
	// entropy, over the tokens of which Rollout is given and finite.
	Entropy float64
}

// Moments describe N observations of a quantity.
type Moments struct {
	N          int64
	Sum, SumSq float64
	Min, Max   float64
}

// Mean returns Sum/N, 0 without observations.
func (m Moments) Mean() float64 { return ratioOf(m.Sum, m.N) }

// Std returns the unbiased standard deviation, 0 below two observations.
func (m Moments) Std() float64 {
	if m.N < 2 {
		return 0
	}
	mean := m.Mean()
	return math.Sqrt(max(0, m.SumSq-float64(mean*m.Sum)) / float64(m.N-1))
}

func ratioOf(x float64, n int64) float64 {
	if n == 0 {
		return 0
	}
	return x / float64(n)
}

// Summary returns the figures.
func (s *Stats) Summary() Summary {
	return Summary{
		Rows:            s.rows,
		EmptyRows:       s.empty,
		Tokens:          s.tokens,
		NonFinite:       s.nonFinite,
		PolicyLoss:      s.loss.Float64(),
		Penalty:         s.penalty.Float64(),
		ClippedZero:     s.clipped[0],
		ClippedPositive: s.clipped[1],
		ClippedNegative: s.clipped[2],
		Capped:          s.capped,
		Bounded:         s.bounded,
		LogRatio:        s.logRatio.Float64(),
		BoundedLogRatio: s.boundedLogRatio.Float64(),
		Ratio:           Moments(s.ratio.Block()),
		Factor:          Moments(s.factor.Block()),
		Weight:          Moments(s.weight.Block()),
		KeptK3:          s.keptK3.Float64(),
		ClippedK3:       s.clippedK3.Float64(),
		KL:              s.kl.Float64(),
		Entropy:         s.surprise.Float64(),
	}
}

// Loss returns what is minimised.
func (s *Summary) Loss() float64 { return s.PolicyLoss + s.Penalty }

// Clipped returns the tokens that a clip or mask acted on.
func (s *Summary) Clipped() int64 { return s.ClippedPositive + s.ClippedNegative + s.ClippedZero }

package mismatch

import (
	"math"

	"github.com/trueup-rl/trueup/internal/exact"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// Stats accumulates the mismatch of any number of batches. Rows are its atoms:
// a row's sums end in float64, and sums over rows are exact, so that Stats merged
// from any split of the rows over workers, in any order, hold the same bits.
//
// The zero value is empty. A Stats is about 32 KiB, most of it a histogram.
type Stats struct {
	rows, empty, nonFinite int64
	over2, underHalf       int64

	// Over tokens.
	d, abs, k2, k3, ratio exact.Moments
	boundedRatioSq        exact.Sum
	histogram             kernel.Histogram // of d

	// Over rows that have valid tokens.
	seq                    exact.Moments // Σ d
	seqRatio, seqRatioSq   exact.LogSum  // e^Σd, e^2Σd
	boundedSeqRatioSq      exact.Sum
	trainerNLL, rolloutNLL exact.Sum // −mean log p
	trainerPPL, rolloutPPL exact.Sum // e^NLL
	logPPLDiff, logPPLAbs  exact.Moments
	pplRatio               exact.Sum // e^logPPLDiff

	split     Split
	positions [positionBuckets]bucketSums
	staleness [stalenessBuckets]bucketSums
}

// Split makes Add keep apart what it counts from now on, at some cost; see
// Positions and Staleness.
func (s *Stats) Split(by Split) { s.split = by }

// Add measures the rows of a batch. It allocates nothing. It returns an error
// wrapping ErrShape, and adds nothing, if an array is too short.
func (s *Stats) Add(b *Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	var block kernel.Block
	for i := range b.Layout.Rows() {
		trainer, rollout, mask := b.Row(i)
		versions := b.Versions(i)
		var row Row
		for at := 0; at < len(trainer); at += block.N {
			block.Load(trainer[at:], rollout[at:], from(mask, at))
			s.AddBlock(&row, &block, from(versions, at), b.Current)
		}
		s.AddRow(&row)
	}
	return nil
}

// AddRow adds one row.
func (s *Stats) AddRow(row *Row) {
	r := &row.Sums
	s.rows++
	s.nonFinite += int64(r.NonFinite)
	if r.N == 0 {
		s.empty++
		return
	}
	if s.split != 0 {
		s.flushBuckets(row)
	}
	s.over2 += int64(r.Over2)
	s.underHalf += int64(r.UnderHalf)
	n := int64(r.N)
	maxAbs := max(-r.MinD, r.MaxD)
	s.d.AddBlock(exact.Block{N: n, Sum: r.D, SumSq: r.D2, Min: r.MinD, Max: r.MaxD})
	s.abs.AddBlock(exact.Block{N: n, Sum: r.AbsD, SumSq: r.D2, Max: maxAbs})
	s.k2.AddBlock(exact.Block{N: n, Sum: r.D2 / 2, SumSq: r.D4 / 4})
	s.k3.AddBlock(exact.Block{N: n, Sum: r.K3, SumSq: r.K3Sq})
	s.ratio.AddBlock(exact.Block{N: n, Sum: r.Ratio, SumSq: r.RatioSq})
	s.boundedRatioSq.Add(r.Bounded.RatioSq)

	s.seq.Add(r.D)
	// Beyond a million nats the exponential cannot be split; no row gets there.
	const farthest = 1 << 20
	far := max(-farthest, min(r.D, farthest))
	s.seqRatio.Add(far)
	s.seqRatioSq.Add(far + far)
	w := kernel.BoundedRatio(r.D)
	s.boundedSeqRatioSq.Add(float64(w * w))

	length := float64(r.N)
	trainer, rollout := -r.Trainer/length, -r.Rollout/length
	diff := -r.D / length
	s.trainerNLL.Add(bound(trainer))
	s.rolloutNLL.Add(bound(rollout))
	s.trainerPPL.Add(boundedExp(trainer))
	s.rolloutPPL.Add(boundedExp(rollout))
	s.logPPLDiff.Add(diff)
	s.logPPLAbs.Add(math.Abs(diff))
	s.pplRatio.Add(boundedExp(diff))
}

// bound keeps a row's mean log-probability in the range of the sums: a finite
// float32 can be 3e38, which no model gives.
func bound(x float64) float64 { return max(-kernel.MaxLogRatio, min(x, kernel.MaxLogRatio)) }

func boundedExp(x float64) float64 {
	return kernel.Exp(max(-kernel.MaxExp, min(x, kernel.MaxExp)))
}

// Merge adds what o has accumulated.
func (s *Stats) Merge(o *Stats) {
	s.rows += o.rows
	s.empty += o.empty
	s.nonFinite += o.nonFinite
	s.over2 += o.over2
	s.underHalf += o.underHalf
	s.d.Merge(&o.d)
	s.abs.Merge(&o.abs)
	s.k2.Merge(&o.k2)
	s.k3.Merge(&o.k3)
	s.ratio.Merge(&o.ratio)
	s.boundedRatioSq.Merge(&o.boundedRatioSq)
	s.histogram.Merge(&o.histogram)
	s.seq.Merge(&o.seq)
	s.seqRatio.Merge(&o.seqRatio)
	s.seqRatioSq.Merge(&o.seqRatioSq)
	s.boundedSeqRatioSq.Merge(&o.boundedSeqRatioSq)
	s.trainerNLL.Merge(&o.trainerNLL)
	s.rolloutNLL.Merge(&o.rolloutNLL)
	s.trainerPPL.Merge(&o.trainerPPL)
	s.rolloutPPL.Merge(&o.rolloutPPL)
	s.logPPLDiff.Merge(&o.logPPLDiff)
	s.logPPLAbs.Merge(&o.logPPLAbs)
	s.pplRatio.Merge(&o.pplRatio)
	s.split |= o.split
	if o.split != 0 {
		for i := range s.positions {
			s.positions[i].merge(&o.positions[i])
		}
		for i := range s.staleness {
			s.staleness[i].merge(&o.staleness[i])
		}
	}
}

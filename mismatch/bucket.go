package mismatch

import (
	"math"
	"math/bits"

	"github.com/trueup-rl/trueup/internal/exact"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// Split names what Stats keep apart besides the whole.
type Split uint8

const (
	// ByPosition splits tokens by their index in the row, masked ones counted:
	// [0, 512), then by octave, [512, 1024), [1024, 2048), …, [2²³, ∞).
	ByPosition Split = 1 << iota
	// ByStaleness splits them by Batch.Current − Batch.Version: 0, 1, …, 15, then
	// by octave, [16, 32), …, [1024, ∞). What is negative counts as 0. Batches
	// without versions are left out.
	ByStaleness
)

// Bucket describes the valid tokens whose position, or staleness, is From or
// more and below To; the last To is math.MaxInt64. Figures are those of Summary,
// but with |d| clamped to 20, and 0 without tokens.
type Bucket struct {
	From, To   int64
	Tokens     int64
	K1, K2, K3 float64
	MeanRatio  float64
	Chi2       float64
	ESS        float64
}

const (
	positionBuckets  = 16
	stalenessSingles = 16
	stalenessBuckets = stalenessSingles + 7
)

// Positions returns the buckets of ByPosition, from the first to the last that
// has tokens.
func (s *Stats) Positions() []Bucket {
	return read(s.positions[:], func(i int) int64 {
		if i == 0 {
			return 0
		}
		return kernel.BlockLen << (i - 1)
	})
}

// Staleness returns the buckets of ByStaleness, from the first to the last that
// has tokens.
func (s *Stats) Staleness() []Bucket {
	return read(s.staleness[:], func(i int) int64 {
		if i < stalenessSingles {
			return int64(i)
		}
		return stalenessSingles << (i - stalenessSingles)
	})
}

// positionBucket returns the bucket of a block that begins at a token.
func positionBucket(at int) int {
	return min(bits.Len(uint(at/kernel.BlockLen)), positionBuckets-1)
}

// stalenessBucket returns the bucket of a token.
func stalenessBucket(current, version int32) int {
	age := max(0, int64(current)-int64(version))
	if age < stalenessSingles {
		return int(age)
	}
	return min(stalenessSingles+bits.Len64(uint64(age)/(2*stalenessSingles)), stalenessBuckets-1)
}

// bucketSums are the sums of one bucket.
type bucketSums struct {
	n                         int64
	d, d2, k3, ratio, ratioSq exact.Sum
}

// add adds what a row has in the bucket.
func (s *bucketSums) add(r *kernel.BoundedSums) {
	if r.N == 0 {
		return
	}
	s.n += int64(r.N)
	s.d.Add(r.D)
	s.d2.Add(r.D2)
	s.k3.Add(r.K3)
	s.ratio.Add(r.Ratio)
	s.ratioSq.Add(r.RatioSq)
}

func (s *bucketSums) merge(o *bucketSums) {
	s.n += o.n
	s.d.Merge(&o.d)
	s.d2.Merge(&o.d2)
	s.k3.Merge(&o.k3)
	s.ratio.Merge(&o.ratio)
	s.ratioSq.Merge(&o.ratioSq)
}

// read returns the buckets up to the last that has tokens; from tells where one
// begins.
func read(sums []bucketSums, from func(i int) int64) []Bucket {
	last := len(sums)
	for last > 0 && sums[last-1].n == 0 {
		last--
	}
	out := make([]Bucket, last)
	for i := range out {
		b := &out[i]
		b.From, b.To = from(i), math.MaxInt64
		if i+1 < len(sums) {
			b.To = from(i + 1)
		}
		s := &sums[i]
		if b.Tokens = s.n; s.n == 0 {
			continue
		}
		n := float64(s.n)
		w := Moments{N: s.n, Sum: s.ratio.Float64(), SumSq: s.ratioSq.Float64()}
		b.K1 = 0 - s.d.Float64()/n
		b.K2 = s.d2.Float64() / 2 / n
		b.K3 = s.k3.Float64() / n
		b.MeanRatio, b.Chi2, b.ESS = w.Mean(), w.SumSq/n-1, w.ESS()
	}
	return out
}

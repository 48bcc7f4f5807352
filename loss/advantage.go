package loss

import (
	"errors"
	"fmt"
	"math"

	"github.com/trueup-rl/trueup/internal/exact"
)

// ErrAdvantage is wrapped by the errors of Advantages.
var ErrAdvantage = errors.New("loss: bad advantages")

// Baseline says what a row's reward R is compared with, in a group of n rows with
// mean R̄.
type Baseline uint8

const (
	// GRPO is (R − R̄)/(std + ε), std with denominator n − 1. (arXiv 2402.03300.)
	GRPO Baseline = iota
	// GroupCentred is R − R̄: Dr.GRPO (arXiv 2503.20783), and the first half of
	// REINFORCE++-baseline (arXiv 2501.03262), whose second half is Whitening.
	GroupCentred
	// LeaveOneOut is R less the mean of the others, (R − R̄)·n/(n − 1): RLOO.
	// (arXiv 2402.14740.)
	LeaveOneOut
)

// Rejected says whom the baseline is taken over when correction has rejected rows
// of a group. Either way a rejected row's own advantage is 0.
type Rejected uint8

const (
	// BaselineOverAll keeps the group's baseline: rejection changes which rows
	// learn, not what they learn. Kept rows' advantages then no longer add up to
	// 0. Every project does this.
	BaselineOverAll Rejected = iota
	// BaselineOverKept takes mean, std and n over kept rows alone: their
	// advantages add up to 0 again, and a group with one row left is a group of
	// one.
	BaselineOverKept
)

// Alone says what the advantage of a row is that its group's baseline is made of
// alone.
type Alone uint8

const (
	ZeroAlone   Alone = iota // 0: nothing to compare with
	RewardAlone              // the reward, divided by 1 + ε for GRPO (verl, SkyRL)
)

// maxReward bounds usable rewards, so that their squares add up exactly.
const maxReward = 1e12

// Advantages makes advantages of rewards, group by group. It keeps scratch memory
// that is re-used: after the largest batch no call allocates. The zero value is
// GRPO with ε = 1e-6. Use one per goroutine.
type Advantages struct {
	Baseline Baseline
	Rejected Rejected
	Alone    Alone
	// Epsilon is GRPO's ε; 0 means verl's 1e-6 (TRL has 1e-4).
	Epsilon float64

	index  map[int32]int // of groups
	groups []group
}

// group is the rows of one prompt.
type group struct {
	n               int64 // rows that the baseline is over
	sum, deviations exact.Sum
	lo, hi          float64
	mean, std       float64
}

// AdvantageStats counts what Advantages met.
type AdvantageStats struct {
	Groups       int64
	AloneGroups  int64 // baseline over one row
	FlatGroups   int64 // more than one, all rewards equal: every advantage is 0
	RejectedRows int64
	NonFinite    int64 // rewards that are NaN, infinite or beyond 1e12
}

// Merge adds the counts of o.
func (s *AdvantageStats) Merge(o *AdvantageStats) {
	s.Groups += o.Groups
	s.AloneGroups += o.AloneGroups
	s.FlatGroups += o.FlatGroups
	s.RejectedRows += o.RejectedRows
	s.NonFinite += o.NonFinite
}

// Compute sets dst[i] to the advantage of row i. All arrays are per row: reward,
// the prompt that the row answers, and whether correction kept any of the row (nil:
// all kept). A group must be whole in one call. Rows whose reward is not finite get 0
// and are in no baseline.
//
// The result does not depend on the order of the rows. dst may be reward.
func (a *Advantages) Compute(dst, reward []float32, groupOf []int32, keep []uint8) (AdvantageStats, error) {
	var stats AdvantageStats
	n := len(reward)
	switch {
	case a.Baseline > LeaveOneOut, a.Rejected > BaselineOverKept, a.Alone > RewardAlone, !(a.Epsilon >= 0):
		return stats, fmt.Errorf("%w: unknown option in %d, %d, %d, %v", ErrAdvantage, a.Baseline, a.Rejected, a.Alone, a.Epsilon)
	case len(dst) < n, len(groupOf) < n, keep != nil && len(keep) < n:
		return stats, fmt.Errorf("%w: %d rewards with %d advantages, %d groups and %d keep flags", ErrAdvantage, n, len(dst), len(groupOf), len(keep))
	}
	a.reset()
	for i, r := range reward {
		switch rejected := keep != nil && keep[i] == 0; {
		case !usable(r):
			stats.NonFinite++
			continue
		case rejected:
			stats.RejectedRows++
			if a.Rejected == BaselineOverKept {
				continue
			}
		}
		a.group(groupOf[i]).add(float64(r))
	}
	for i := range a.groups {
		g := &a.groups[i]
		g.mean = g.sum.Float64() / float64(g.n)
		stats.Groups++
		switch {
		case g.n == 1:
			stats.AloneGroups++
		case g.lo == g.hi:
			stats.FlatGroups++
		}
	}
	if a.Baseline == GRPO {
		a.measureSpread(reward, groupOf, keep)
	}
	for i, r := range reward {
		dst[i] = 0
		if usable(r) && (keep == nil || keep[i] != 0) {
			dst[i] = float32(a.of(a.group(groupOf[i]), float64(r)))
		}
	}
	return stats, nil
}

func usable(r float32) bool { return math.Abs(float64(r)) <= maxReward }

func (a *Advantages) reset() {
	if a.index == nil {
		a.index = make(map[int32]int)
	}
	clear(a.index)
	a.groups = a.groups[:0]
}

func (a *Advantages) group(id int32) *group {
	k, ok := a.index[id]
	if !ok {
		k = len(a.groups)
		a.index[id] = k
		a.groups = append(a.groups, group{})
	}
	return &a.groups[k]
}

func (g *group) add(r float64) {
	if g.n == 0 {
		g.lo, g.hi = r, r
	}
	g.n++
	g.sum.Add(r)
	g.lo, g.hi = min(g.lo, r), max(g.hi, r)
}

// measureSpread sets the groups' standard deviations.
func (a *Advantages) measureSpread(reward []float32, groupOf []int32, keep []uint8) {
	for i, r := range reward {
		if !usable(r) || a.Rejected == BaselineOverKept && keep != nil && keep[i] == 0 {
			continue
		}
		g := a.group(groupOf[i])
		d := float64(r) - g.mean
		g.deviations.Add(float64(d * d))
	}
	for i := range a.groups {
		g := &a.groups[i]
		g.std = 1
		if g.n > 1 {
			g.std = math.Sqrt(g.deviations.Float64() / float64(g.n-1))
		}
	}
}

// of returns the advantage of a row with reward r.
func (a *Advantages) of(g *group, r float64) float64 {
	d := r - g.mean
	switch {
	case g.n == 1 && a.Alone == ZeroAlone:
		return 0
	case g.n == 1:
		d = r
	case g.lo == g.hi && g.lo == r:
		return 0 // also where the mean of equal rewards rounds
	case a.Baseline == LeaveOneOut:
		return float64(d * (float64(g.n) / float64(g.n-1)))
	}
	if a.Baseline == GRPO {
		epsilon := a.Epsilon
		if epsilon == 0 {
			epsilon = 1e-6
		}
		return d / (g.std + epsilon)
	}
	return d
}

// Whitening turns advantages into ones with mean 0 and variance 1 over the tokens
// of a whole batch, the second half of REINFORCE++:
//
//	A ← (A − mean)/√(var + 1e-8), var with denominator N − 1
//
// Add every micro-batch and rank, Merge, then Apply to each. (verl's
// masked_whiten.)
type Whitening struct{ moments exact.Moments }

// Add adds rows by their advantage and their number of tokens. It panics if the
// lengths differ. Rows with advantages that are not finite or beyond 1e12 are left
// out.
func (w *Whitening) Add(advantage []float32, tokens []int32) {
	if len(tokens) != len(advantage) {
		panic("loss: Whitening.Add of arrays of different lengths")
	}
	for i, a := range advantage {
		if n := float64(tokens[i]); usable(a) && n > 0 {
			x := float64(a)
			w.moments.AddBlock(exact.Block{N: int64(tokens[i]), Sum: float64(n * x), SumSq: float64(n * x * x), Min: x, Max: x})
		}
	}
}

// Merge adds what o has seen.
func (w *Whitening) Merge(o *Whitening) { w.moments.Merge(&o.moments) }

// Apply whitens advantages in place. Below two tokens nothing changes.
func (w *Whitening) Apply(advantage []float32) {
	b := w.moments.Block()
	if b.N < 2 {
		return
	}
	mean := b.Sum / float64(b.N)
	variance := max(0, b.SumSq-float64(mean*b.Sum)) / float64(b.N-1)
	scale := 1 / math.Sqrt(variance+1e-8)
	for i, a := range advantage {
		advantage[i] = float32((float64(a) - mean) * scale)
	}
}

package correction

import (
	"errors"
	"fmt"

	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/mismatch"
)

// ErrMissing is wrapped by the error for a batch without an array that the
// policy looks at.
var ErrMissing = errors.New("correction: missing input")

// derived reports whether the statistic is not among what a block holds.
func (r *filterRule) derived() bool { return r.Statistic > K3 }

// column is what derived statistics of a row's tokens are made of.
type column struct {
	trainer, rollout, optimized []float32
	versions                    []int32
	current                     int32
}

func columnOf(b *mismatch.Batch, i int) column {
	start, end := b.Layout.Row(i)
	c := column{trainer: b.Trainer[start:end], rollout: b.Rollout[start:end], versions: b.Versions(i), current: b.Current}
	if b.Optimized != nil {
		c.optimized = b.Optimized[start:end]
	}
	return c
}

// statistic returns the filter's statistic of the tokens of a block, the first
// of which is token at of the row; dst is room for it.
func (r *filterRule) statistic(dst *[kernel.BlockLen]float32, b *kernel.Block, c *column, at int) *[kernel.BlockLen]float32 {
	switch r.Statistic {
	case Ratio, K2:
		return &b.D
	case K3:
		return &b.K3
	}
	clear(dst[:])
	for t := range b.N {
		if b.Invalid[t] == 0 {
			dst[t] = r.ofToken(c, at+t)
		}
	}
	return dst
}

// maxDerived bounds |d| in K3Reverse and AbsRatio, whose squares are summed.
const maxDerived = kernel.MaxExp / 2

// ofToken returns the derived statistic of token t of a row, which is valid.
func (r *filterRule) ofToken(c *column, t int) float32 {
	d := float64(max(-maxDerived, min(c.trainer[t]-c.rollout[t], maxDerived)))
	switch r.Statistic {
	case K3Reverse:
		_, k3 := kernel.ExpK3(-d)
		return float32(k3)
	case AbsRatio:
		w, _ := kernel.ExpK3(max(d, -d))
		return float32(w)
	case ProbDiff:
		return float32(probability(c.trainer[t]) - probability(c.rollout[t]))
	case Age:
		return float32(max(0, int64(c.current)-int64(c.versions[t])))
	}
	diff := c.rollout[t] - c.optimized[t] // OffPolicy
	if diff != diff {
		return 0
	}
	return max(-kernel.MaxLogRatio, min(diff, kernel.MaxLogRatio))
}

// probability returns e^logProb, at most 1 up to rounding.
func probability(logProb float32) float64 {
	return kernel.Exp(max(-kernel.MaxLogRatio, min(float64(logProb), 0)))
}

// checkInputs reports whether the batch has what the policy looks at.
func (p *Policy) checkInputs(b *mismatch.Batch) error {
	if b.Layout.Size() == 0 {
		return nil
	}
	for _, f := range p.Filters {
		switch {
		case f.Statistic == Age && b.Version == nil:
			return fmt.Errorf("%w: %v needs Version", ErrMissing, f)
		case f.Statistic == OffPolicy && b.Optimized == nil:
			return fmt.Errorf("%w: %v needs Optimized", ErrMissing, f)
		case f.Statistic == OffPolicy && b.RowAdvantage == nil:
			return fmt.Errorf("%w: %v needs RowAdvantage", ErrMissing, f)
		}
	}
	return nil
}

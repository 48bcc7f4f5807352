package correction

import (
	"errors"
	"fmt"
	"slices"

	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/mismatch"
)

var (
	// ErrNonFinite is wrapped by the error of a policy that refuses non-finite
	// log-probabilities.
	ErrNonFinite = errors.New("correction: non-finite log-probability")
	// ErrShape is wrapped by the error for an output array that is too short.
	ErrShape = errors.New("correction: array too short for the layout")
)

// Corrector applies one policy to batches. It keeps scratch memory that grows to
// the longest row and is re-used: after that no call allocates. Use one per
// goroutine.
type Corrector struct {
	policy  Policy
	weight  weightRule
	filters []filterRule
	stats   Stats // of Correct

	// The row at hand.
	d     []float64 // trainer − rollout, 0 where not valid
	state []uint8   // kernel.Masked, Valid or NonFinite
	w     []float64
	keep  []uint8
}

// New returns a corrector for the policy, or an error that wraps ErrPolicy.
func New(p Policy) (*Corrector, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	c := &Corrector{policy: p, weight: newWeightRule(p.Weight)}
	for _, f := range p.Filters {
		c.filters = append(c.filters, newFilterRule(f))
	}
	return c, nil
}

// Policy returns the policy the corrector applies.
func (c *Corrector) Policy() Policy { return c.policy }

// Correct measures and corrects a batch that is whole in this process: Measure,
// then Apply with what it found. The Stats are valid until the next call.
func (c *Corrector) Correct(w []float32, keep []uint8, b *mismatch.Batch) (*Stats, error) {
	c.stats = Stats{}
	if err := c.Measure(&c.stats, b); err != nil {
		return nil, err
	}
	return &c.stats, c.Apply(w, keep, b, &c.stats)
}

// Measure adds the statistics of a batch, and of what the policy does to it, to
// dst. Where a batch is spread over workers or micro-batches, measure each part,
// merge the Stats, and give the whole to Apply.
//
// An error wraps mismatch.ErrShape or ErrNonFinite; dst may then hold part of
// the batch.
func (c *Corrector) Measure(dst *Stats, b *mismatch.Batch) error {
	if err := b.Check(); err != nil {
		return err
	}
	for i := range b.Layout.Rows() {
		if err := c.row(b, i, dst); err != nil {
			return err
		}
	}
	return nil
}

// Apply writes the weight of every token to w and whether it stays in the mask
// to keep; the trainer multiplies its per-token loss by both. Either may be nil
// if it is not wanted. Masked tokens, and the padding of a padded layout, get 0
// in both. Filters do not change weights: a rejected token has keep 0 and the
// weight it would have had.
//
// Global holds the statistics of the whole batch, of which b may be a part; it
// is needed by a policy that normalizes, and may be nil otherwise.
func (c *Corrector) Apply(w []float32, keep []uint8, b *mismatch.Batch, global *Stats) error {
	if err := b.Check(); err != nil {
		return err
	}
	if need := b.Layout.Size(); w != nil && len(w) < need || keep != nil && len(keep) < need {
		return fmt.Errorf("%w: %d weights and %d mask bytes, the layout needs %d", ErrShape, len(w), len(keep), need)
	}
	factor := 1.0
	if c.policy.Normalize == BatchMean {
		if global == nil {
			return fmt.Errorf("%w: %v needs the statistics of the whole batch", ErrPolicy, c.policy)
		}
		factor = global.NormFactor(c.policy.Weight.Level)
	}
	for i := range b.Layout.Rows() {
		if err := c.row(b, i, nil); err != nil {
			return err
		}
		start, end := b.Layout.Storage(i)
		if w != nil {
			out := w[start:end]
			for t, x := range c.w {
				out[t] = float32(x / factor)
			}
			if c.policy.NonFinite == UnitWeight {
				setNonFinite(out, c.state, 1)
			}
			clear(out[len(c.w):])
		}
		if keep != nil {
			out := keep[start:end]
			copy(out, c.keep)
			if c.policy.NonFinite == UnitWeight || c.policy.NonFinite == ZeroWeight {
				setNonFinite(out, c.state, 1)
			}
			clear(out[len(c.keep):])
		}
	}
	return nil
}

// setNonFinite sets x where a token in the mask is not finite.
func setNonFinite[T uint8 | float32](dst []T, state []uint8, x T) {
	for t, s := range state {
		if s == kernel.NonFinite {
			dst[t] = x
		}
	}
}

// row computes the log-ratios, the weights before normalisation and the kept
// tokens of row i, both 0 at tokens that are not valid, and adds what it finds
// to dst, if that is not nil.
func (c *Corrector) row(b *mismatch.Batch, i int, dst *Stats) error {
	trainer, rollout, mask := b.Row(i)
	c.resize(len(trainer))
	if kernel.LogRatios(c.d, c.state, trainer, rollout, mask) > 0 && c.policy.NonFinite == Refuse {
		t := slices.Index(c.state, kernel.NonFinite)
		return fmt.Errorf("%w: row %d, token %d: trainer %v, rollout %v", ErrNonFinite, i, t, trainer[t], rollout[t])
	}
	var sums kernel.RowSums
	var weight *weightStats
	if dst != nil {
		sums.Add(c.d, c.state, trainer, rollout)
		dst.mismatch.AddRow(&sums)
		weight = &dst.weight
	} else {
		sums.AddD(c.d, c.state) // no rule looks at more of a row
	}
	c.weight.apply(c.w, weight, c.d, c.state, &sums)

	for t, s := range c.state {
		c.keep[t] = 0
		if s == kernel.Valid {
			c.keep[t] = 1
		}
	}
	for k := range c.filters {
		var filter *filterStats
		if dst != nil {
			filter = &dst.filters[k]
		}
		c.filters[k].apply(c.keep, filter, c.d, c.state, &sums)
	}
	if dst != nil {
		dst.effect.add(c.w, c.keep, &sums)
	}
	return nil
}

func (c *Corrector) resize(n int) {
	if cap(c.d) < n {
		c.d, c.w = make([]float64, n), make([]float64, n)
		c.state, c.keep = make([]uint8, n), make([]uint8, n)
	}
	c.d, c.w, c.state, c.keep = c.d[:n], c.w[:n], c.state[:n], c.keep[:n]
}

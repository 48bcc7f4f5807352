package correction

import (
	"errors"
	"fmt"

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
	policy      Policy
	weight      weightRule
	filters     []filterRule
	dropsTokens bool // some filter drops tokens one by one
	derives     bool // some filter's statistic is not in a block
	turnwise    bool // the weight or some filter is at level Turn
	split       mismatch.Split
	stats       Stats // of Correct

	// Of the row at hand: a block, the weights of its tokens, and room for the mask
	// where the caller does not ask for it.
	block   kernel.Block
	weights [kernel.BlockLen]float32
	scratch []uint8
	derived [kernel.BlockLen]float32 // a filter's statistic of the block
	turns   turns
}

// New returns a corrector for the policy, or an error that wraps ErrPolicy.
func New(p Policy) (*Corrector, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	c := &Corrector{policy: p, weight: newWeightRule(p.Weight), turnwise: p.Weight.Level == Turn}
	for _, f := range p.Filters {
		r := newFilterRule(f)
		c.filters = append(c.filters, r)
		c.dropsTokens = c.dropsTokens || r.Level == Token || r.Level == Turn
		c.turnwise = c.turnwise || r.Level == Turn
		c.derives = c.derives || r.derived()
	}
	return c, nil
}

// Policy returns the policy the corrector applies.
func (c *Corrector) Policy() Policy { return c.policy }

// Split makes Correct and Measure keep apart the mismatch of tokens by position,
// by staleness or by both; see Stats.Positions and Stats.Staleness. It costs some
// percent.
func (c *Corrector) Split(by mismatch.Split) { c.split = by }

// Correct measures and corrects a batch that is whole in this process. It is
// Measure, then Apply with what that found, in one pass over the batch unless
// the policy normalizes. The Stats are valid until the next call.
func (c *Corrector) Correct(w []float32, keep []uint8, b *mismatch.Batch) (*Stats, error) {
	c.stats = Stats{}
	if c.policy.Normalize == AsIs {
		return &c.stats, c.run(w, keep, b, 1, &c.stats)
	}
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
	return c.run(nil, nil, b, 1, dst)
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
	factor := 1.0
	if c.policy.Normalize != AsIs {
		if global == nil {
			return fmt.Errorf("%w: %v needs the statistics of the whole batch", ErrPolicy, c.policy)
		}
		factor = global.Factor(&c.policy)
	}
	return c.run(w, keep, b, factor, nil)
}

// run goes through the rows of a batch: it writes what Apply does to w and keep
// and adds what Measure does to dst, each only if it is not nil.
func (c *Corrector) run(w []float32, keep []uint8, b *mismatch.Batch, factor float64, dst *Stats) error {
	if err := b.Check(); err != nil {
		return err
	}
	if err := c.policy.checkInputs(b); err != nil {
		return err
	}
	if need := b.Layout.Size(); w != nil && len(w) < need || keep != nil && len(keep) < need {
		return fmt.Errorf("%w: %d weights and %d mask bytes, the layout needs %d", ErrShape, len(w), len(keep), need)
	}
	if dst != nil && c.split != 0 {
		dst.mismatch.Split(c.split)
	}
	large := b.Layout.Size()*tokenBytes >= streamingBytes
	for i := range b.Layout.Rows() {
		start, end := b.Layout.Row(i)
		_, padded := b.Layout.Storage(i)
		var rowW []float32
		if w != nil {
			rowW = w[start:end]
			clearPadding(w[end:padded], large)
		}
		rowKeep := c.room(end - start)
		if keep != nil {
			rowKeep = keep[start:end]
			clearPadding(keep[end:padded], large)
		}
		if err := c.row(rowW, rowKeep, b, i, factor, dst); err != nil {
			return err
		}
	}
	return nil
}

const (
	tokenBytes = 4 + 4 + 1 + 4 + 1 // of both log-probabilities, the masks and the weight
	// streamingBytes is the size of a batch from which the caches have lost its
	// first rows when the last are done.
	streamingBytes = 32 << 20
)

// clearPadding clears what is behind a row of a batch, around the caches if that
// is large.
func clearPadding[T uint8 | float32](x []T, large bool) {
	if large {
		kernel.ClearStreaming(x)
	} else {
		clear(x)
	}
}

func (c *Corrector) room(n int) []uint8 {
	if cap(c.scratch) < n {
		c.scratch = make([]uint8, n)
	}
	return c.scratch[:n]
}

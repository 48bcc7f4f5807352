package mismatch

import (
	"errors"
	"fmt"

	"github.com/trueup-rl/trueup/rows"
)

// ErrShape is wrapped by the error for an array that is too short for its
// batch's layout.
var ErrShape = errors.New("mismatch: array too short for the layout")

// Batch pairs what the trainer and the rollout engine say of the same tokens.
// The arrays share one layout and belong to the caller; they are only read.
type Batch struct {
	Layout rows.Layout
	// Trainer and Rollout are the log-probabilities, in nats, of each token
	// under the trainer's (proximal) policy and under the policy that sampled
	// it. Both must be of the same distribution: same temperature, same
	// truncation of the support.
	Trainer, Rollout []float32
	// Mask is 0 where a token is not trained on (prompt, tool output, padding).
	// Nil means that every token of every row is. Values under a zero are never
	// looked at.
	Mask []uint8
	// Version is the version of the policy that sampled each token, nil if it is
	// not known, and Current the trainer's; see ByStaleness.
	Version []int32
	Current int32
	// Optimized are the log-probabilities under the policy that is being
	// optimized, nil if the correction does not look at them.
	Optimized []float32
	// RowAdvantage is the advantage of each row, nil if the correction does not
	// look at it.
	RowAdvantage []float32
}

// Check reports whether every array covers the layout.
func (b *Batch) Check() error {
	need := b.Layout.Size()
	switch {
	case len(b.Trainer) < need:
		return fmt.Errorf("%w: Trainer has %d elements, the layout needs %d", ErrShape, len(b.Trainer), need)
	case len(b.Rollout) < need:
		return fmt.Errorf("%w: Rollout has %d elements, the layout needs %d", ErrShape, len(b.Rollout), need)
	case b.Mask != nil && len(b.Mask) < need:
		return fmt.Errorf("%w: Mask has %d elements, the layout needs %d", ErrShape, len(b.Mask), need)
	case b.Version != nil && len(b.Version) < need:
		return fmt.Errorf("%w: Version has %d elements, the layout needs %d", ErrShape, len(b.Version), need)
	case b.Optimized != nil && len(b.Optimized) < need:
		return fmt.Errorf("%w: Optimized has %d elements, the layout needs %d", ErrShape, len(b.Optimized), need)
	case b.RowAdvantage != nil && len(b.RowAdvantage) < b.Layout.Rows():
		return fmt.Errorf("%w: RowAdvantage has %d elements for %d rows", ErrShape, len(b.RowAdvantage), b.Layout.Rows())
	}
	return nil
}

// Row returns row i's part of each array; mask is nil if b.Mask is.
func (b *Batch) Row(i int) (trainer, rollout []float32, mask []uint8) {
	start, end := b.Layout.Row(i)
	if b.Mask != nil {
		mask = b.Mask[start:end]
	}
	return b.Trainer[start:end], b.Rollout[start:end], mask
}

// Versions returns row i's part of Version, nil if that is nil.
func (b *Batch) Versions(i int) []int32 {
	if b.Version == nil {
		return nil
	}
	start, end := b.Layout.Row(i)
	return b.Version[start:end]
}

// from returns x from token at on, nil if it is nil.
func from[T any](x []T, at int) []T {
	if x == nil {
		return nil
	}
	return x[at:]
}

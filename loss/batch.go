package loss

import (
	"errors"
	"fmt"

	"github.com/trueup-rl/trueup/rows"
)

var (
	// ErrBatch is wrapped by the error for a batch that lacks an array its
	// configuration needs, or whose array is too short for the layout.
	ErrBatch = errors.New("loss: bad batch")
	// ErrDoubleCounting is wrapped by the error for a batch whose weights would
	// correct the same mismatch as the loss's own ratio does.
	ErrDoubleCounting = errors.New("loss: mismatch corrected twice")
	// ErrNonFinite is wrapped by the error of a configuration that refuses
	// non-finite input.
	ErrNonFinite = errors.New("loss: non-finite input")
)

// Batch is what a loss is computed from. The arrays belong to the caller and are
// only read. Per-token arrays share the layout; log-probabilities are in nats.
type Batch struct {
	Layout rows.Layout

	// Current is log π_θ, the one array that the loss is differentiated by.
	Current []float32
	// Proximal is log π_old, the trainer's own log-probability before the
	// mini-batch updates. Mode Decoupled needs it.
	Proximal []float32
	// Rollout is log μ, of the policy that sampled. Mode Bypass needs it.
	Rollout []float32
	// Reference is log π_ref, for a reference-KL term.
	Reference []float32

	// Advantage is per token; RowAdvantage, in its place, per row.
	Advantage, RowAdvantage []float32
	// Reward is per row; TOPR alone looks at it.
	Reward []float32
	// Weight multiplies a token's loss and is constant for differentiation: the
	// w of package correction (GMPO and VESPO make it part of the row's ratio). Nil
	// means 1. A weight of 0 leaves the token in every denominator.
	Weight []float32
	// Mask is 0 where a token is not trained on. Nil means that every token of
	// every row is. Values under a zero are never looked at.
	Mask []uint8
	// Group says per row which prompt it answers, for GroupMean.
	Group []int32
}

// checkBatch reports whether the batch has what the configuration needs.
func (c *Config) checkBatch(b *Batch) error {
	size, n := b.Layout.Size(), b.Layout.Rows()
	needs := c.Policy.needs()
	for _, a := range []struct {
		name     string
		have     int
		present  bool
		required bool
		want     int
	}{
		{"Current", len(b.Current), b.Current != nil, true, size},
		{"Proximal", len(b.Proximal), b.Proximal != nil, c.readsProximal(), size},
		{"Rollout", len(b.Rollout), b.Rollout != nil, c.readsRollout(), size},
		{"Reference", len(b.Reference), b.Reference != nil, c.Reference.Coef != 0, size},
		{"Advantage", len(b.Advantage), b.Advantage != nil, b.RowAdvantage == nil, size},
		{"RowAdvantage", len(b.RowAdvantage), b.RowAdvantage != nil, b.Advantage == nil, n},
		{"Reward", len(b.Reward), b.Reward != nil, needs.reward, n},
		{"Weight", len(b.Weight), b.Weight != nil, false, size},
		{"Mask", len(b.Mask), b.Mask != nil, false, size},
		{"Group", len(b.Group), b.Group != nil, c.Aggregate.Mode == GroupMean, n},
	} {
		switch {
		case a.required && !a.present && a.want > 0:
			return fmt.Errorf("%w: %s is missing, %v needs it", ErrBatch, a.name, c)
		case a.present && a.have < a.want:
			return fmt.Errorf("%w: %s has %d elements, the layout needs %d", ErrBatch, a.name, a.have, a.want)
		}
	}
	if b.Advantage != nil && b.RowAdvantage != nil {
		return fmt.Errorf("%w: both Advantage and RowAdvantage", ErrBatch)
	}
	if b.Weight != nil && needs.ratio {
		if c.Mode == Bypass {
			return fmt.Errorf("%w: in bypass mode the ratio of %v is π_θ/μ already; leave Weight nil", ErrDoubleCounting, c.Policy)
		}
		if c.Mode == Decoupled && sameArray(b.Proximal, b.Rollout) {
			return fmt.Errorf("%w: Proximal and Rollout are one array, so the ratio of %v is π_θ/μ already; leave Weight nil", ErrDoubleCounting, c.Policy)
		}
	}
	return nil
}

func sameArray(a, b []float32) bool { return len(a) > 0 && len(b) > 0 && &a[0] == &b[0] }

func (c *Config) readsProximal() bool {
	return c.Mode == Decoupled || c.Reference.Coef != 0 && c.Reference.Weight == ProximalRatio
}

func (c *Config) readsRollout() bool {
	return c.Mode == Bypass || c.Policy.needs().rollout || c.Reference.Coef != 0 && c.Reference.Weight == RolloutRatio
}

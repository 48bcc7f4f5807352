package nemorl

import (
	"fmt"
	"iter"
	"math"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/mismatch"
)

// SeqLogprobError drops rows whose mean of e^|d| exceeds
// grpo.seq_logprob_error_threshold. Use one per goroutine.
type SeqLogprobError struct{ chain *correction.Chain }

// NewSeqLogprobError returns the mask for a threshold; +Inf, which stands for
// null, measures only. A recipe of NeMo-RL's has 2.
func NewSeqLogprobError(threshold float64) (*SeqLogprobError, error) {
	mask := func(hi float64) correction.Policy {
		return correction.Policy{
			Filters:   []correction.Filter{{Statistic: correction.AbsRatio, Level: correction.Mean, Hi: hi}},
			NonFinite: correction.UnitWeight,
		}
	}
	// The second policy measures what the first leaves.
	chain, err := correction.NewChain(mask(threshold), mask(math.Inf(1)))
	if err != nil {
		return nil, fmt.Errorf("%w: seq_logprob_error_threshold: %w", ErrConfig, err)
	}
	return &SeqLogprobError{chain}, nil
}

// Stats are those of the rows before and after the mask. They merge exactly; the
// zero value is empty.
type Stats struct {
	before, after correction.Stats
	correct       int64 // dropped rows of reward 1
}

// Merge adds what o has accumulated.
func (s *Stats) Merge(o *Stats) {
	s.before.Merge(&o.before)
	s.after.Merge(&o.after)
	s.correct += o.correct
}

// Mask writes to keep which tokens stay in the mask, which is all of a row's or
// none, and adds what it finds to dst. Reward is per row; nil if it is not known.
func (m *SeqLogprobError) Mask(dst *Stats, keep []uint8, b *mismatch.Batch, reward []float32) error {
	if reward != nil && len(reward) < b.Layout.Rows() {
		return fmt.Errorf("%w: %d rewards for %d rows", mismatch.ErrShape, len(reward), b.Layout.Rows())
	}
	stages, err := m.chain.Correct(nil, keep, b)
	if err != nil {
		return err
	}
	dst.before.Merge(stages[0])
	dst.after.Merge(stages[1])
	for i, r := range reward[:min(len(reward), b.Layout.Rows())] {
		start, end := b.Layout.Row(i)
		_, _, mask := b.Row(i)
		if r == 1 && dropped(keep[start:end], mask) {
			dst.correct++
		}
	}
	return nil
}

// dropped reports whether a row had tokens, and no longer has.
func dropped(keep, mask []uint8) bool {
	had := false
	for t, k := range keep {
		if k != 0 {
			return false
		}
		had = had || mask == nil || mask[t] != 0
	}
	return had
}

// Metrics yields NeMo-RL's figures. Those of no row are 0.
func (s *Stats) Metrics() iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		before, after := s.before.Filter(0), s.after.Filter(0).Row
		correct := 0.0
		if before.RejectedRows > 0 {
			correct = float64(s.correct) / float64(before.RejectedRows)
		}
		_ = yield("max_seq_mult_prob_error", before.Row.Max) &&
			yield("mean_seq_mult_prob_error", before.Row.Mean()) &&
			yield("min_seq_mult_prob_error", before.Row.Min) &&
			yield("max_seq_mult_prob_error_after_mask", after.Max) &&
			yield("mean_seq_mult_prob_error_after_mask", after.Mean()) &&
			yield("min_seq_mult_prob_error_after_mask", after.Min) &&
			yield("num_masked_seqs", float64(before.RejectedRows)) &&
			yield("masked_correct_pct", correct)
	}
}

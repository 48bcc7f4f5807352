package skyrl

import (
	"iter"

	"github.com/trueup-rl/trueup/correction"
)

// Stats are the statistics of every policy in turn. They merge exactly; the zero
// value is empty.
type Stats struct {
	stages    [3]correction.Stats
	positions int64 // padding included
}

// Merge adds what o holds.
func (s *Stats) Merge(o *Stats) {
	s.positions += o.positions
	for i := range s.stages {
		s.stages[i].Merge(&o.stages[i])
	}
}

// Stage returns the statistics of policy i.
func (s *Stats) Stage(i int) *correction.Stats { return &s.stages[i] }

// Metrics yields SkyRL's figures. is_ratio_std, max and min are over all
// positions, those that are masked being 0. Shares of nothing are 0.
func (c *Correction) Metrics(s *Stats) iter.Seq2[string, float64] {
	return func(yield func(string, float64) bool) {
		for _, m := range c.metrics(s) {
			if !yield(m.name, m.value) {
				return
			}
		}
	}
}

type metric struct {
	name  string
	value float64
}

func (c *Correction) metrics(s *Stats) []metric {
	if !c.outlier && !c.tokenMask && c.sequenceMask == "" && c.Policies[2].Weight.Rule == correction.Unweighted {
		return nil
	}
	ratio := s.stages[0].Weight().Applied
	everywhere := ratio.With(s.positions-ratio.N, 0)
	out := []metric{
		{"is_ratio_mean", ratio.Mean()},
		{"is_ratio_std", everywhere.Std()},
		{"is_ratio_max", everywhere.Max},
		{"is_ratio_min", everywhere.Min},
	}
	rows := s.stages[0].Mismatch().Rows
	if c.outlier {
		out = appendRows(out, "outlier_seq_", s.stages[0].Filter(0), rows)
	}
	if c.tokenMask {
		out = append(out, metric{"token_mask_ratio", share(s.stages[1].Filter(0).RejectedTokens, s.stages[1].Mismatch().Tokens)})
	}
	last := &s.stages[2]
	if w := c.Policies[2].Weight; w.Rule != correction.Unweighted {
		if w.Level == correction.Token {
			out = append(out, metric{"tis_token_clip_high_ratio", share(last.Weight().High, last.Mismatch().Tokens)})
		} else {
			out = append(out, metric{"tis_seq_clip_high_ratio", share(last.Weight().RowsHigh, rows)})
		}
	}
	if c.sequenceMask != "" {
		out = appendRows(out, c.sequenceMask, last.Filter(0), rows)
	}
	return out
}

// appendRows appends the shares of rows that a mask drops.
func appendRows(out []metric, prefix string, f correction.FilterSummary, rows int64) []metric {
	return append(out,
		metric{prefix + "masked_ratio", share(f.RejectedRows, rows)},
		metric{prefix + "over_high_ratio", share(f.High, rows)},
		metric{prefix + "under_low_ratio", share(f.Low, rows)})
}

func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

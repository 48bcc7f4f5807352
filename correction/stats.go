package correction

import (
	"github.com/trueup-rl/trueup/internal/exact"
	"github.com/trueup-rl/trueup/mismatch"
)

// Stats accumulate the mismatch of batches and what one policy does to them.
// Like mismatch.Stats they merge exactly: micro-batches, workers and ranks in
// any order give the same bits. Merge only Stats of the same policy.
//
// The zero value is empty. A Stats is about 27 KiB.
type Stats struct {
	mismatch mismatch.Stats
	weight   weightStats
	filters  [MaxFilters]filterStats
	effect   effectStats
}

// Merge adds what o has accumulated.
func (s *Stats) Merge(o *Stats) {
	s.mismatch.Merge(&o.mismatch)
	s.weight.merge(&o.weight)
	for i := range s.filters {
		s.filters[i].merge(&o.filters[i])
	}
	s.effect.merge(&o.effect)
}

// Mismatch returns the statistics that do not depend on the policy.
func (s *Stats) Mismatch() mismatch.Summary { return s.mismatch.Summary() }

// Positions returns the mismatch by position in the row, if Corrector.Split asked
// for it.
func (s *Stats) Positions() []mismatch.Bucket { return s.mismatch.Positions() }

// Staleness returns the mismatch by staleness, if Corrector.Split asked for it.
func (s *Stats) Staleness() []mismatch.Bucket { return s.mismatch.Staleness() }

// WeightSummary describes the weights before normalisation and before filters,
// over valid tokens. Without a weight rule all is 0.
type WeightSummary struct {
	Applied mismatch.Moments // the weights
	// Tokens whose ratio lies above Hi and below Lo; below 1/Hi for Truncate,
	// which has no Lo.
	High, Low int64
	// At the levels Sequence and Mean, rows whose log-ratio, before it is
	// clamped, lies above ln Hi and below ln Lo; with SeqMaskTIS, rows whose mean
	// log-ratio does.
	RowsHigh, RowsLow int64
	RowMean           mismatch.Moments // of a row's mean weight
	// Rows whose mean ratio lies above Hi and below Lo.
	RowMeanHigh, RowMeanLow int64
}

// Weight returns what the policy's weight rule does.
func (s *Stats) Weight() WeightSummary {
	w := &s.weight
	return WeightSummary{
		Applied: mismatch.Moments(w.applied.Block()),
		High:    w.high, Low: w.low,
		RowsHigh: w.rowHigh, RowsLow: w.rowLow,
		RowMean:     mismatch.Moments(w.rowMean.Block()),
		RowMeanHigh: w.meanHigh, RowMeanLow: w.meanLow,
	}
}

// FilterSummary describes a filter's statistic and what the filter rejects by
// itself, whatever the others do. The statistic of Ratio is its logarithm.
type FilterSummary struct {
	// Value is the statistic over valid tokens, a row's value counting once for
	// each of its tokens; Clamped is the same, clamped to the bounds.
	Value, Clamped mismatch.Moments
	// Tokens (level Token) or rows outside of the bounds; at level Any rows with a
	// token outside, which may be both, and at level Turn turns.
	High, Low int64
	Row       mismatch.Moments // a row's value, or its mean over the row's tokens
	// Rows whose Row lies outside of the bounds.
	RowHigh, RowLow int64
	// RejectedRows counts rows that lose any token.
	RejectedTokens, RejectedRows int64
}

// Filter returns what the policy's filter i does.
func (s *Stats) Filter(i int) FilterSummary {
	f := &s.filters[i]
	return FilterSummary{
		Value:   mismatch.Moments(f.tokens.Block()),
		Clamped: mismatch.Moments(f.clamped.Block()),
		High:    f.high, Low: f.low,
		Row:     mismatch.Moments(f.rows.Block()),
		RowHigh: f.rowHigh, RowLow: f.rowLow,
		RejectedTokens: f.rejectedTokens, RejectedRows: f.rejectedRows,
	}
}

// Effect is what weight and filters together leave of a batch.
type Effect struct {
	Tokens, KeptTokens int64
	// Rows with a valid token, those with a kept one, and those that lost any.
	Rows, KeptRows, RejectedRows int64
	// Weight is over all valid tokens, a rejected one weighing 0. Its ESS is the
	// effective share of the batch that the correction leaves.
	Weight mismatch.Moments
}

// Effect returns what the whole policy does.
func (s *Stats) Effect() Effect {
	e := &s.effect
	w := mismatch.Moments(e.weight.Block())
	return Effect{
		Tokens: w.N, KeptTokens: e.keptTokens,
		Rows: e.rows, KeptRows: e.keptRows, RejectedRows: e.rejectedRows,
		Weight: w,
	}
}

// NormFactor returns what BatchMean divides by: the mean weight over tokens, or
// over rows for a weight at level Sequence or Mean; 1 if that is 1e-8 or less.
func (s *Stats) NormFactor(level Level) float64 {
	m := mismatch.Moments(s.weight.applied.Block())
	if level == Sequence || level == Mean {
		m = mismatch.Moments(s.weight.rowMean.Block())
	}
	if mean := m.Mean(); mean > 1e-8 {
		return mean
	}
	return 1
}

// Factor returns what the policy, whose Stats these are, divides weights by.
func (s *Stats) Factor(p *Policy) float64 {
	switch {
	case p.Normalize == AsIs:
		return 1
	case p.Normalize == BatchMean || p.Weight.Level == Token || p.Weight.Level == Turn:
		return s.NormFactor(p.Weight.Level)
	}
	m := s.mismatch.Summary()
	rows := mismatch.Moments(s.weight.rowMean.Block()).With(m.EmptyRows, 0)
	if mean := rows.Mean(); mean > 1e-8 {
		return mean
	}
	return 1
}

type effectStats struct {
	rows, keptRows, rejectedRows int64
	keptTokens                   int64
	weight                       exact.Moments
}

// add adds a row of n valid tokens, given the weights of those that are kept.
func (s *effectStats) add(kept exact.Block, n int) {
	if n == 0 {
		return
	}
	if int(kept.N) < n {
		kept.Min = 0
		s.rejectedRows++
	}
	if kept.N > 0 {
		s.keptRows++
	}
	s.rows++
	s.keptTokens += kept.N
	kept.N = int64(n) // a rejected token weighs 0
	s.weight.AddBlock(kept)
}

func (s *effectStats) merge(o *effectStats) {
	s.rows += o.rows
	s.keptRows += o.keptRows
	s.rejectedRows += o.rejectedRows
	s.keptTokens += o.keptTokens
	s.weight.Merge(&o.weight)
}

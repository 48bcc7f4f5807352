package mismatch

import "github.com/trueup-rl/trueup/internal/kernel"

// Row gathers the blocks of one row for AddRow. The zero value is an empty row.
// It serves the packages of this module that already work on blocks.
type Row struct {
	Sums kernel.RowSums

	at        int // of the next block
	positions [positionBuckets]kernel.BoundedSums
	staleness [stalenessBuckets]kernel.BoundedSums
}

// AddBlock adds the row's next block to r, and to s what is counted token by
// token. versions are those from the block's first token on, nil if unknown.
func (s *Stats) AddBlock(r *Row, b *kernel.Block, versions []int32, current int32) {
	r.Sums.Add(b)
	r.Sums.AddSpread(b, &s.histogram)
	if s.split != 0 && b.Count > 0 {
		r.addBuckets(s.split, b, versions, current)
	}
	r.at += b.N
}

func (r *Row) addBuckets(split Split, b *kernel.Block, versions []int32, current int32) {
	sums := b.Bounded()
	if split&ByPosition != 0 {
		r.positions[positionBucket(r.at)].Add(&sums)
	}
	switch {
	case split&ByStaleness == 0 || versions == nil:
	case kernel.Constant(versions[:b.N]):
		r.staleness[stalenessBucket(current, versions[0])].Add(&sums)
	default:
		// A row that the engine went on with after an update.
		for t, v := range versions[:b.N] {
			r.staleness[stalenessBucket(current, v)].AddToken(b, t)
		}
	}
}

// flushBuckets adds a row's buckets.
func (s *Stats) flushBuckets(r *Row) {
	for i := range r.positions {
		s.positions[i].add(&r.positions[i])
	}
	for i := range r.staleness {
		s.staleness[i].add(&r.staleness[i])
	}
}

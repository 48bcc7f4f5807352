package queue

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
)

// Take waits for a batch and takes it. It may be called again before the batch is
// done; indices count up. An error is that of ctx.
func (q *Queue[P, S]) Take(ctx context.Context) (Batch[P, S], error) {
	for {
		if err := ctx.Err(); err != nil {
			return Batch[P, S]{}, err
		}
		q.mu.Lock()
		if b, ok := q.take(); ok {
			q.mu.Unlock()
			return b, nil
		}
		if q.changed == nil {
			q.changed = make(chan struct{})
		}
		changed := q.changed
		q.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// TryTake is Take that does not wait: ok is false where it would.
func (q *Queue[P, S]) TryTake() (b Batch[P, S], ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.take()
}

// Done says that the step of a batch is finished. Batches are done in the order
// they were taken. An error wraps ErrBatch.
func (q *Queue[P, S]) Done(b Batch[P, S]) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.training) == 0 || q.training[0].Index != b.Index {
		return fmt.Errorf("%w: batch %d is not the oldest that is out", ErrBatch, b.Index)
	}
	q.training = slices.Delete(q.training, 0, 1)
	return nil
}

func (q *Queue[P, S]) take() (Batch[P, S], bool) {
	if len(q.again) > 0 {
		b := q.again[0]
		q.again = slices.Delete(q.again, 0, 1)
		q.training = append(q.training, b)
		return b, true
	}
	if q.config.Violation == Drop || q.config.Violation == Requeue {
		q.discardStale()
	}
	chosen := q.choose()
	if chosen == nil {
		return Batch[P, S]{}, false
	}
	b := Batch[P, S]{Index: q.taken, Groups: make([]Group[P, S], len(chosen))}
	q.taken++
	for i, g := range chosen {
		b.Groups[i] = g.Group
		q.stats.take(g.Tokens, b.Index-g.Version, q.config.MaxStaleness)
		q.leave(g)
	}
	q.training = append(q.training, b)
	return b, true
}

// stale reports whether the batch at hand would find g beyond the bound.
func (q *Queue[P, S]) stale(g *group[P, S]) bool {
	return q.taken-g.Version > int64(q.config.MaxStaleness)
}

// discardStale discards finished groups beyond the bound. Their places go to
// others.
func (q *Queue[P, S]) discardStale() {
	found := false
	for _, g := range slices.Clone(q.ready) {
		if g.state != ready || !q.stale(g) {
			continue
		}
		found = true
		q.stats.DroppedTokens.add(g.Tokens)
		if q.config.Violation == Requeue {
			q.prompts = append(q.prompts, g.Prompt)
			q.stats.Requeued++
		} else {
			q.stats.Dropped++
		}
		q.leave(g)
	}
	if found {
		q.admit()
	}
}

// choose returns the groups of the next batch, nil while there are too few.
func (q *Queue[P, S]) choose() []*group[P, S] {
	q.round++
	var chosen []*group[P, S]
	switch {
	case q.config.Order == Ticket || q.config.Order == Window:
		chosen = q.chooseOldest()
	case q.config.Violation == Block:
		due, ok := q.chooseDue()
		if !ok {
			return nil
		}
		chosen = q.chooseFinished(due)
	default:
		chosen = q.chooseFinished(nil)
	}
	if len(chosen) < q.config.Batch {
		return nil
	}
	return chosen
}

// chooseDue returns the groups that this batch must take if no group is ever to
// be taken too late: of n groups that must be taken within m batches, no more
// than m−1 batches full can be left to the others. ok is false if too few of them
// are finished. The gate sees to it that they always fit: no more than m batches
// full have to be taken within m batches.
func (q *Queue[P, S]) chooseDue() (due []*group[P, S], ok bool) {
	type pending struct {
		*group[P, S]
		batches int64 // within which it must be taken
	}
	var all []pending
	for _, g := range q.live {
		version := g.Version
		switch g.state {
		case gone:
			continue
		case waiting:
			version = q.version // when it starts again, or later
		}
		all = append(all, pending{g, max(1, version+int64(q.config.MaxStaleness)-q.taken+1)})
	}
	slices.SortStableFunc(all, func(a, b pending) int { return cmp.Compare(a.batches, b.batches) })
	for i, p := range all {
		if i+1 < len(all) && all[i+1].batches == p.batches {
			continue
		}
		need := min(int64(i+1)-(p.batches-1)*int64(q.config.Batch), int64(q.config.Batch))
		for _, g := range all[:i+1] {
			if int64(len(due)) >= need {
				break
			}
			if g.state == ready && g.due != q.round {
				g.due = q.round
				due = append(due, g.group)
			}
		}
		if int64(len(due)) < need {
			return nil, false
		}
	}
	return due, true
}

// chooseOldest returns finished groups, the oldest first, that lie fewer than
// Window places, one for the order Ticket, after the oldest that is not finished. Places count what was taken already, so that it is overtaken by
// no more than that.
func (q *Queue[P, S]) chooseOldest() (chosen []*group[P, S]) {
	last := int64(math.MaxInt64) // place that may still be taken
	for _, g := range q.live {
		switch {
		case g.state == gone:
		case len(chosen) == q.config.Batch || g.ID > last:
			return chosen
		case g.state == ready:
			chosen = append(chosen, g)
		case last == math.MaxInt64:
			last = g.ID + int64(max(1, q.config.Window)) - 1
		}
	}
	return chosen
}

// chooseFinished fills a batch up with groups as they finished, for the order
// Freshest those of the newest version first.
func (q *Queue[P, S]) chooseFinished(chosen []*group[P, S]) []*group[P, S] {
	rest := slices.DeleteFunc(slices.Clone(q.ready), func(g *group[P, S]) bool {
		return g.state != ready || g.due == q.round
	})
	if q.config.Order == Freshest {
		slices.SortStableFunc(rest, func(a, b *group[P, S]) int { return cmp.Compare(b.Version, a.Version) })
	}
	return append(chosen, rest[:min(len(rest), q.config.Batch-len(chosen))]...)
}

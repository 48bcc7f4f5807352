package queue

import (
	"errors"
	"fmt"
	"slices"
)

// ErrState is wrapped by the error for a saved state that no queue can have been
// in.
var ErrState = errors.New("queue: invalid state")

// State is what Restore needs to go on as if nothing had happened: plain values,
// to be encoded as the caller encodes P and S.
type State[P, S any] struct {
	Config  Config
	NextID  int64
	Version int64
	Taken   int64         // batches, without those in Training
	Groups  []Saved[P, S] // not taken, in the order of ID
	// Finished are the IDs of finished groups in the order they finished.
	Finished []int64
	Prompts  []P           // to be sampled again, under new tickets
	Training []Batch[P, S] // taken, not done
	Stats    Stats
}

// Saved is a group that no batch has taken, finished or not.
type Saved[P, S any] struct {
	Group[P, S]
	Attempt int
}

// Save returns the queue's state. Samples and prompts are shared with the queue,
// which does not write to them.
func (q *Queue[P, S]) Save() State[P, S] {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := State[P, S]{
		Config: q.config, NextID: q.nextID, Version: q.version,
		Prompts:  slices.Clone(q.prompts),
		Training: append(slices.Clone(q.training), q.again...),
		Stats:    q.stats.clone(),
	}
	s.Taken = q.taken - int64(len(s.Training))
	for _, g := range q.live {
		if g.state == gone {
			continue
		}
		saved := Saved[P, S]{Group: g.Group, Attempt: g.attempt}
		if g.state != ready { // what it has is lost with those who sample it
			saved.Samples, saved.Tokens = nil, 0
		}
		s.Groups = append(s.Groups, saved)
	}
	for _, g := range q.ready {
		if g.state == ready {
			s.Finished = append(s.Finished, g.ID)
		}
	}
	return s
}

// Restore returns a queue in the state s. Batches that were taken but not done
// are the first that Take returns, with the same groups and indices. Groups that
// ran are begun anew with the tickets they had; tickets of before are refused. An
// error wraps ErrConfig or ErrState.
//
// The configuration is that of s, with now as its clock, time.Now if nil.
func Restore[P, S any](s State[P, S], now Clock) (*Queue[P, S], error) {
	c := s.Config
	c.Now = now
	q, err := New[P, S](c)
	if err != nil {
		return nil, err
	}
	if err := s.check(q.config); err != nil {
		return nil, err
	}
	q.nextID, q.version = s.NextID, s.Version
	q.taken = s.Taken + int64(len(s.Training))
	q.prompts, q.again, q.stats = slices.Clone(s.Prompts), slices.Clone(s.Training), s.Stats.clone()
	finished := make(map[int64]*group[P, S], len(s.Finished))
	for _, id := range s.Finished {
		finished[id] = nil
	}
	for _, saved := range s.Groups {
		g := &group[P, S]{Group: saved.Group, attempt: saved.Attempt, state: ready}
		q.live = append(q.live, g)
		if _, ok := finished[g.ID]; ok {
			finished[g.ID] = g
			continue
		}
		q.groups[g.ID] = g
		q.restart(g)
	}
	q.stats.Retried = q.stats.Started - q.stats.Finished - q.stats.Withdrawn
	for _, id := range s.Finished {
		q.ready = append(q.ready, finished[id])
	}
	return q, nil
}

func (s *State[P, S]) check(c Config) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrState}, args...)...)
	}
	// So that no product with Batch overflows.
	const most = 1 << 47
	if min(s.NextID, s.Version, s.Taken) < 0 || max(s.NextID, s.Taken) > most {
		return bad("a count is negative or beyond %d", int64(most))
	}
	if s.Version > s.Taken {
		return bad("version %d after %d steps", s.Version, s.Taken)
	}
	for i, b := range s.Training {
		if b.Index != s.Taken+int64(i) || len(b.Groups) != c.Batch {
			return bad("batch %d of %d groups in place of batch %d of %d", b.Index, len(b.Groups), s.Taken+int64(i), c.Batch)
		}
	}
	whole := make(map[int64]bool, len(s.Groups))
	last := int64(-1)
	for _, g := range s.Groups {
		switch {
		case g.ID <= last || g.ID >= s.NextID:
			return bad("group %d out of order", g.ID)
		case g.Version < 0 || g.Version > s.Version || g.Attempt < 0:
			return bad("group %d has version %d, attempt %d", g.ID, g.Version, g.Attempt)
		}
		last = g.ID
		whole[g.ID] = len(g.Samples) == c.Group
	}
	for _, id := range s.Finished {
		if !whole[id] {
			return bad("group %d is not finished, is unknown or named twice", id)
		}
		delete(whole, id)
	}
	return nil
}

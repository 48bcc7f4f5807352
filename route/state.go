package route

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// ErrState is wrapped by the error for a saved state that no router can have been
// in.
var ErrState = errors.New("route: invalid state")

// State is what Restore needs to go on: plain values, to be encoded as the caller
// likes.
type State struct {
	Config   Config
	Epoch    int64 // the last that a rank got
	Turn     int64 // the last that was granted
	Next     int   // rank for RoundRobin
	Random   []byte
	Ranks    []SavedRank    // in the order they were added
	Rollouts []SavedRollout // that have had a lease, in the order of Turn
	Stats    Stats
}

// SavedRank is a rank in a State.
type SavedRank struct {
	Rank
	State RankState
	Epoch int64
}

// SavedRollout is a rollout in a State, between turns.
type SavedRollout struct {
	ID, Group string
	Shared    int64
	Context   int64
	Reserve   int64
	Turn      int64  // its last
	Rank      string // that its lease is on; "" if it has none
}

// Save returns the router's state. Turns that are under way are not part of it,
// nor rollouts that wait for their first lease.
func (r *Router) Save() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := State{Config: r.config, Epoch: r.epoch, Turn: r.turn, Next: r.next, Stats: r.stats}
	s.Random, _ = r.pcg.MarshalBinary() // never fails
	for _, k := range r.ranks {
		s.Ranks = append(s.Ranks, SavedRank{k.Rank, k.state, k.epoch})
	}
	for _, o := range r.rollouts {
		if !o.placed {
			continue
		}
		saved := SavedRollout{ID: o.id, Context: o.context, Reserve: o.reserve, Turn: o.turn}
		if o.group != nil {
			saved.Group, saved.Shared = o.group.id, o.group.shared
		}
		if o.rank != nil && o.rank.state == Up {
			saved.Rank = o.rank.ID
		}
		s.Rollouts = append(s.Rollouts, saved)
	}
	slices.SortFunc(s.Rollouts, func(a, b SavedRollout) int { return cmp.Compare(a.Turn, b.Turn) })
	return s
}

// Restore returns a router in the state s: rollouts have the leases they had, and
// ask for their next turn; leases of turns that were under way are over. A rank's
// cache is taken to hold what the last turns used. An error wraps ErrConfig,
// ErrRank or ErrState.
//
// The configuration is that of s, with now as its clock, time.Now if nil.
func Restore(s State, now Clock) (*Router, error) {
	c := s.Config
	c.Now = now
	r, err := New(c)
	if err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	for _, saved := range s.Ranks {
		if err := r.addRank(saved.Rank); err != nil {
			return nil, err
		}
		k := r.ranks[len(r.ranks)-1]
		k.state, k.epoch = saved.State, saved.Epoch
		r.refresh(k)
	}
	r.arrange()
	for _, saved := range s.Rollouts {
		if err := r.restore(saved); err != nil {
			return nil, err
		}
	}
	r.epoch, r.turn, r.next, r.stats = s.Epoch, s.Turn, s.Next, s.Stats
	if err := r.pcg.UnmarshalBinary(s.Random); err != nil {
		return nil, fmt.Errorf("%w: Random: %w", ErrState, err)
	}
	return r, nil
}

func (r *Router) restore(saved SavedRollout) error {
	// The context may have shrunk since below what was shared.
	tokens := max(saved.Context, saved.Shared)
	o, err := r.register(Rollout{ID: saved.ID, Group: saved.Group, Shared: saved.Shared, Tokens: tokens, Reserve: saved.Reserve})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	o.context, o.turn, o.placed = saved.Context, saved.Turn, true
	if saved.Rank == "" {
		return nil
	}
	k := r.rankNamed(saved.Rank)
	switch {
	case k == nil || k.state != Up:
		return fmt.Errorf("%w: rollout %q on rank %q, which is not up", ErrState, saved.ID, saved.Rank)
	case k.place < 0:
		return fmt.Errorf("%w: more than %d rollouts on rank %q", ErrState, k.MaxLive, saved.Rank)
	}
	r.turn = saved.Turn - 1
	r.join(o, k)
	o.last, o.epoch = k, k.epoch
	k.cache.use(o, o.own(), k.Capacity)
	return nil
}

func (s *State) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrState}, args...)...)
	}
	if min(s.Epoch, s.Turn, int64(s.Next)) < 0 {
		return bad("Epoch %d, Turn %d or Next %d is negative", s.Epoch, s.Turn, s.Next)
	}
	for _, k := range s.Ranks {
		if int(k.State) >= len(stateNames) || k.Epoch < 1 || k.Epoch > s.Epoch {
			return bad("rank %q is %v in epoch %d of %d", k.ID, k.State, k.Epoch, s.Epoch)
		}
	}
	last := int64(0)
	for _, o := range s.Rollouts {
		if o.Turn <= last || o.Turn > s.Turn || o.Context < 0 || o.Context > mostTokens {
			return bad("rollout %q has turn %d after %d of %d, a context of %d", o.ID, o.Turn, last, s.Turn, o.Context)
		}
		last = o.Turn
	}
	if c := s.Stats; c.Placed != int64(len(s.Rollouts))+c.Finished+c.Expired {
		return bad("%d rollouts of %d placed, %d finished, %d expired", len(s.Rollouts), c.Placed, c.Finished, c.Expired)
	}
	return nil
}

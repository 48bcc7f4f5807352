package route

import (
	"fmt"
	"slices"
)

// RankState is whether a rank takes rollouts.
type RankState uint8

const (
	// Up takes rollouts.
	Up RankState = iota
	// Draining lets turns that are under way end, and takes no others.
	Draining
	// Down has failed.
	Down
)

var stateNames = []string{"up", "draining", "down"}

// String returns the state's name in lower case.
func (s RankState) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("RankState(%d)", uint8(s))
}

// MarshalText returns the state's name.
func (s RankState) MarshalText() ([]byte, error) {
	if int(s) >= len(stateNames) {
		return nil, fmt.Errorf("%w: unknown %v", ErrState, s)
	}
	return []byte(stateNames[s]), nil
}

// UnmarshalText accepts a state's name.
func (s *RankState) UnmarshalText(text []byte) error {
	i := slices.Index(stateNames, string(text))
	if i < 0 {
		return fmt.Errorf("%w: unknown state %q", ErrState, text)
	}
	*s = RankState(i)
	return nil
}

// rank is a Rank at work.
type rank struct {
	Rank
	state RankState
	epoch int64

	admit, resume int64 // tokens up to which it takes new and parked rollouts
	tokens        int64 // of its leases
	prompts       int64 // of those, the prompts of groups
	leases        list
	running       int
	cache         recency

	load  float64 // tokens / Capacity
	tie   int64   // turn that it was last chosen for; negative and random before
	place int     // in the heap, -1 if it takes no rollout
}

// AddRank adds a rank. Rollouts that have a lease stay where they are. An error
// wraps ErrConfig, or ErrRank if there is one with that ID.
func (r *Router) AddRank(k Rank) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.addRank(k); err != nil {
		return err
	}
	r.arrange()
	r.admit()
	return nil
}

func (r *Router) addRank(c Rank) error {
	if err := c.check(); err != nil {
		return err
	}
	if r.rankNamed(c.ID) != nil {
		return fmt.Errorf("%w: %q is there already", ErrRank, c.ID)
	}
	if c.Speed == 0 {
		c.Speed = 1
	}
	k := &rank{Rank: c, tie: -1 - r.rng.Int64(), place: -1}
	r.epoch++
	k.epoch = r.epoch
	r.ranks = append(r.ranks, k)
	r.resize(k)
	return nil
}

// resize sets what follows from a rank's capacity.
func (r *Router) resize(k *rank) {
	k.admit = int64(r.config.Admit * float64(k.Capacity))
	k.resume = int64(r.config.Resume * float64(k.Capacity))
	r.refresh(k)
}

// arrange sets what follows from all ranks.
func (r *Router) arrange() {
	r.widest = 0
	for _, k := range r.ranks {
		r.widest = max(r.widest, k.Capacity)
	}
	if r.config.Policy.hashes() {
		r.ring = newRing(r.ranks)
	}
}

// refresh puts a rank where it belongs in the heap, after any change to it.
func (r *Router) refresh(k *rank) {
	k.load = float64(k.tokens) / float64(k.Capacity)
	open := k.state == Up && (k.MaxLive == 0 || k.leases.n < k.MaxLive)
	switch {
	case open && k.place < 0:
		r.heap.push(k)
	case open:
		r.heap.fix(k.place)
	case k.place >= 0:
		r.heap.remove(k)
	}
}

// Resize sets a rank's capacity, once more is known of it. No rollout moves. An
// error wraps ErrConfig or ErrRank.
func (r *Router) Resize(id string, capacity int64) error {
	return r.withRank(id, func(k *rank) error {
		c := k.Rank
		c.Capacity = capacity
		if err := c.check(); err != nil {
			return err
		}
		k.Rank = c
		r.resize(k)
		r.arrange()
		return nil
	})
}

// Drain lets the turns on a rank end and starts no others there. Its rollouts go
// on elsewhere. An error wraps ErrRank.
func (r *Router) Drain(id string) error {
	return r.withRank(id, func(k *rank) error {
		if k.state != Up {
			return fmt.Errorf("%w: %q is %v", ErrRank, id, k.state)
		}
		k.state = Draining
		r.refresh(k)
		for s := k.leases.first; s != nil; {
			next := s.links[leaseLinks].next
			if s.state == idle {
				r.leave(s)
			}
			s = next
		}
		return nil
	})
}

// Open lets a rank that drained or failed take rollouts again. An error wraps
// ErrRank.
func (r *Router) Open(id string) error {
	return r.withRank(id, func(k *rank) error {
		if k.state == Up {
			return fmt.Errorf("%w: %q is up", ErrRank, id)
		}
		k.state = Up
		r.refresh(k)
		return nil
	})
}

// Fail says that a rank has failed, and what was in its cache is lost: leases of
// turns under way there are over, and its rollouts go on elsewhere. It has a new
// epoch. An error wraps ErrRank.
func (r *Router) Fail(id string) error {
	return r.withRank(id, func(k *rank) error {
		if k.state == Down {
			return fmt.Errorf("%w: %q is down", ErrRank, id)
		}
		r.fail(k)
		return nil
	})
}

func (r *Router) fail(k *rank) {
	k.state = Down
	r.epoch++
	k.epoch = r.epoch
	for k.leases.first != nil {
		s := k.leases.first
		if s.state == running {
			r.stats.Lost++
			r.rest(s)
		}
		r.leave(s)
	}
	k.cache = recency{}
	r.refresh(k)
}

// RemoveRank removes a rank, as if it had failed. An error wraps ErrRank.
func (r *Router) RemoveRank(id string) error {
	return r.withRank(id, func(k *rank) error {
		r.fail(k)
		r.ranks = slices.DeleteFunc(r.ranks, func(o *rank) bool { return o == k })
		r.arrange()
		return nil
	})
}

func (r *Router) rankNamed(id string) *rank {
	for _, k := range r.ranks {
		if k.ID == id {
			return k
		}
	}
	return nil
}

// withRank changes a rank, and lets in those who may be since.
func (r *Router) withRank(id string, change func(*rank) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.rankNamed(id)
	if k == nil {
		return fmt.Errorf("%w: %q", ErrRank, id)
	}
	if err := change(k); err != nil {
		return err
	}
	r.admit()
	return nil
}

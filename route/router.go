package route

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
)

// Router is what the package comment describes. New makes one.
type Router struct {
	config Config
	choose func(*Router, *rollout) *rank

	mu       sync.Mutex
	pcg      rand.PCG
	rng      *rand.Rand // of pcg
	epoch    int64      // the last that a rank got
	turn     int64      // the last that was granted
	ranks    []*rank    // in the order they were added
	widest   int64      // capacity of any rank, at most
	heap     rankHeap   // of ranks that take rollouts
	ring     ring
	next     int // rank for RoundRobin
	rollouts map[string]*rollout
	groups   map[string]*group
	parked   list // rollouts that wait and had a lease before
	fresh    list // rollouts that wait for their first
	idle     list // from the longest on
	stats    Stats
}

// New returns a router for some ranks, or an error that wraps ErrConfig or
// ErrRank.
func New(c Config, ranks ...Rank) (*Router, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	c.setDefaults()
	r := &Router{
		config: c, choose: choosers[c.Policy],
		rollouts: make(map[string]*rollout), groups: make(map[string]*group),
		idle: list{which: idleLinks},
	}
	r.pcg.Seed(c.Seed, 0)
	r.rng = rand.New(&r.pcg)
	for _, k := range ranks {
		if err := r.addRank(k); err != nil {
			return nil, err
		}
	}
	r.arrange()
	return r, nil
}

// Config returns the router's configuration, defaults filled in.
func (r *Router) Config() Config { return r.config }

// Place gives a new rollout a lease for its first turn, waiting for one if need
// be. An error is that of ctx, and the rollout is unknown then, or wraps
// ErrConfig, ErrBusy, or ErrRollout if it was finished meanwhile.
func (r *Router) Place(ctx context.Context, o Rollout) (Lease, error) {
	return r.wait(ctx, func() (*rollout, error) { return r.register(o) })
}

// Next gives a rollout a lease for its next turn, waiting for one if need be. An
// error is that of ctx, and the rollout may ask again then, or wraps ErrBusy or
// ErrRollout.
func (r *Router) Next(ctx context.Context, id string) (Lease, error) {
	return r.wait(ctx, func() (*rollout, error) { return r.find(id) })
}

// PlaceFunc is Place that does not wait: grant is called with the lease as soon as
// there is one, maybe at once, or with an error if the rollout is finished before.
// It is called under the router's lock: it must be quick and not call the router.
func (r *Router) PlaceFunc(o Rollout, grant func(Lease, error)) error {
	return r.call(grant, func() (*rollout, error) { return r.register(o) })
}

// NextFunc is Next that does not wait, as PlaceFunc is Place.
func (r *Router) NextFunc(id string, grant func(Lease, error)) error {
	return r.call(grant, func() (*rollout, error) { return r.find(id) })
}

func (r *Router) wait(ctx context.Context, get func() (*rollout, error)) (Lease, error) {
	if err := ctx.Err(); err != nil {
		return Lease{}, err
	}
	r.mu.Lock()
	s, err := get()
	if err != nil || r.ask(s) {
		defer r.mu.Unlock()
		if err != nil {
			return Lease{}, err
		}
		return s.lease(), nil
	}
	type answer struct {
		Lease
		error
	}
	granted := make(chan answer, 1)
	s.grant = func(l Lease, err error) { granted <- answer{l, err} }
	r.mu.Unlock()

	select {
	case a := <-granted:
		return a.Lease, a.error
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case a := <-granted: // at the same time
		return a.Lease, a.error
	default:
		r.giveUp(s)
		return Lease{}, ctx.Err()
	}
}

func (r *Router) call(grant func(Lease, error), get func() (*rollout, error)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := get()
	if err != nil {
		return err
	}
	if r.ask(s) {
		grant(s.lease(), nil)
	} else {
		s.grant = grant
	}
	return nil
}

// register returns a new rollout, which is idle.
func (r *Router) register(o Rollout) (*rollout, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if r.rollouts[o.ID] != nil {
		return nil, fmt.Errorf("%w: %q is there already", ErrBusy, o.ID)
	}
	s := &rollout{id: o.ID, context: o.Tokens, reserve: o.Reserve, slot: -1}
	if o.Group != "" {
		g := r.groups[o.Group]
		switch {
		case g == nil:
			g = &group{id: o.Group, shared: o.Shared}
			r.groups[o.Group] = g
		case g.shared != o.Shared:
			return nil, fmt.Errorf("%w: rollout %q of group %q shares %d tokens, others %d", ErrConfig, o.ID, o.Group, o.Shared, g.shared)
		}
		g.members++
		s.group = g
	}
	r.rollouts[o.ID] = s
	r.rest(s)
	return s, nil
}

// find returns a rollout that is idle.
func (r *Router) find(id string) (*rollout, error) {
	s := r.rollouts[id]
	if s == nil {
		return nil, fmt.Errorf("%w: %q", ErrRollout, id)
	}
	if s.state != idle {
		return nil, fmt.Errorf("%w: %q", ErrBusy, id)
	}
	return s, nil
}

// ask starts the next turn of s, or makes it wait.
func (r *Router) ask(s *rollout) bool {
	if k := s.rank; k != nil {
		if r.config.Policy.sticky() {
			if r.stays(s) {
				r.start(s)
				return true
			}
			r.leave(s)
			r.stats.Parked++
		} else {
			if to := r.choose(r, s); to != nil && to != k {
				r.leave(s)
				r.join(s, to)
			}
			r.start(s)
			return true
		}
	}
	s.state = waiting
	r.idle.remove(s)
	r.queue(s).append(s)
	r.admit()
	return s.state == running
}

// stays reports whether a rollout keeps its lease: the rank has room for all, or
// still has the better part of its prefix, or nothing else.
func (r *Router) stays(s *rollout) bool {
	k := s.rank
	return r.config.Policy != KVLease || k.tokens <= k.Capacity || k.leases.n == 1 ||
		k.resident(s) >= r.config.ParkBelow
}

// resident returns the fraction of a rollout's own tokens that its rank has left.
// The prompts of groups are used all the time.
func (k *rank) resident(s *rollout) float64 {
	own := s.own()
	switch {
	case s.slot < 0:
		return 0
	case own == 0:
		return 1
	}
	left := k.Capacity - k.prompts - k.cache.since(s)
	return min(1, max(0, float64(left)/float64(own)))
}

// queue returns the list that a rollout waits in.
func (r *Router) queue(s *rollout) *list {
	if s.placed {
		return &r.parked
	}
	return &r.fresh
}

// admit gives leases to those that wait, in turn.
func (r *Router) admit() {
	for {
		s := r.parked.first
		if s == nil {
			s = r.fresh.first
		}
		if s == nil {
			return
		}
		k := r.choose(r, s)
		if k == nil {
			return
		}
		r.queue(s).remove(s)
		r.join(s, k)
		r.start(s)
		if s.grant != nil {
			s.grant(s.lease(), nil)
			s.grant = nil
		}
	}
}

// rest makes a rollout idle.
func (r *Router) rest(s *rollout) {
	if s.state == running {
		s.rank.running--
	}
	s.state = idle
	if r.config.IdleTTL > 0 {
		s.idleSince = r.config.Now()
	}
	r.idle.append(s)
}

// start starts a turn of a rollout on its rank.
func (r *Router) start(s *rollout) {
	k := s.rank
	if s.state == idle {
		r.idle.remove(s)
	}
	s.state = running
	k.running++
	r.turn++
	s.turn = r.turn
	k.cache.use(s, s.own(), k.Capacity)
	r.stats.Turns++
	s.moved = s.last != k || s.epoch != k.epoch
	s.last, s.epoch = k, k.epoch
	switch {
	case !s.placed:
		s.placed = true
		r.stats.Placed++
	case s.moved:
		r.stats.Moved++
	}
}

// lease returns the lease of the turn under way.
func (s *rollout) lease() Lease {
	return Lease{Rollout: s.id, Rank: s.rank.ID, Epoch: s.epoch, Turn: s.turn, Moved: s.moved}
}

// join gives a rollout a lease on a rank, for a turn that starts now.
func (r *Router) join(s *rollout, k *rank) {
	s.rank = k
	k.tie = r.turn + 1
	k.leases.append(s)
	k.tokens += s.counts()
	if g := s.group; g != nil {
		at := g.on(k)
		if at == nil {
			g.seats = append(g.seats, seat{rank: k})
			at = &g.seats[len(g.seats)-1]
			k.tokens += g.shared
			k.prompts += g.shared
		}
		at.n++
	}
	r.refresh(k)
}

// leave takes the lease from a rollout that is idle. What it used stays in the
// rank's cache until it is evicted.
func (r *Router) leave(s *rollout) {
	k := s.rank
	s.rank = nil
	k.leases.remove(s)
	k.tokens -= s.counts()
	if g := s.group; g != nil {
		if at := g.on(k); at.n > 1 {
			at.n--
		} else {
			last := len(g.seats) - 1
			*at = g.seats[last]
			g.seats[last] = seat{}
			g.seats = g.seats[:last]
			k.tokens -= g.shared
			k.prompts -= g.shared
		}
	}
	k.cache.leave(s, s.own())
	r.refresh(k)
}

// Grow ends a turn, after which the rollout's context has the given number of
// tokens. An error, for a lease that is over, wraps ErrLease, or ErrConfig; the
// answer to such a turn should not be used.
func (r *Router) Grow(l Lease, context int64) error {
	if context < 0 || context > mostTokens {
		return fmt.Errorf("%w: a context of %d tokens", ErrConfig, context)
	}
	return r.end(l, context)
}

// Cancel ends a turn that came to nothing. An error, for a lease that is over,
// wraps ErrLease.
func (r *Router) Cancel(l Lease) error { return r.end(l, -1) }

// end ends a turn; the context remains if it is negative.
func (r *Router) end(l Lease, context int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.rollouts[l.Rollout]
	if s == nil || s.state != running || s.turn != l.Turn {
		return fmt.Errorf("%w: turn %d of rollout %q on rank %q", ErrLease, l.Turn, l.Rollout, l.Rank)
	}
	k := s.rank
	r.rest(s)
	if context >= 0 {
		before := s.counts()
		s.context = context
		k.tokens += s.counts() - before
	}
	k.cache.use(s, s.own(), k.Capacity)
	if k.state == Draining {
		r.leave(s)
	} else {
		r.refresh(k)
	}
	r.admit()
	return nil
}

// Park takes the lease from a rollout between turns, whose next is far off. An
// error wraps ErrBusy or ErrRollout.
func (r *Router) Park(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, err := r.find(id)
	if err != nil {
		return err
	}
	if s.rank != nil {
		r.leave(s)
		r.stats.Parked++
		r.admit()
	}
	return nil
}

// Finish ends a rollout, in whatever state. An error wraps ErrRollout.
func (r *Router) Finish(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.rollouts[id]
	if s == nil {
		return fmt.Errorf("%w: %q", ErrRollout, id)
	}
	if s.state == waiting {
		grant := s.grant
		r.giveUp(s)
		grant(Lease{}, fmt.Errorf("%w: %q is finished", ErrRollout, id))
	}
	if s.placed {
		r.stats.Finished++
		r.forget(s)
	}
	r.admit()
	return nil
}

// giveUp makes a rollout idle that waits, or forgets it if it was never placed.
func (r *Router) giveUp(s *rollout) {
	first := s == r.parked.first || s == r.fresh.first
	r.queue(s).remove(s)
	s.grant = nil
	r.rest(s)
	if !s.placed {
		r.forget(s)
	}
	if first {
		r.admit()
	}
}

// forget ends a rollout that does not wait.
func (r *Router) forget(s *rollout) {
	if s.state == running {
		r.rest(s)
	}
	if s.rank != nil {
		r.leave(s)
	}
	r.idle.remove(s)
	delete(r.rollouts, s.id)
	if g := s.group; g != nil {
		if g.members--; g.members == 0 {
			delete(r.groups, g.id)
		}
	}
}

// Expire ends rollouts that have been idle for longer than IdleTTL, and returns
// their IDs.
func (r *Router) Expire() []string {
	if r.config.IdleTTL == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.config.Now()
	var ended []string
	for s := r.idle.first; s != nil && now.Sub(s.idleSince) > r.config.IdleTTL; s = r.idle.first {
		ended = append(ended, s.id)
		r.stats.Expired++
		r.forget(s)
	}
	r.admit()
	return ended
}

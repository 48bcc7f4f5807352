package route

// Stats say what has happened. At any time
//
//	Placed = rollouts that had a lease and are there + Finished + Expired
type Stats struct {
	Placed, Finished, Expired int64 // rollouts
	Turns                     int64 // started
	Lost                      int64 // turns under way on a rank that failed
	Parked                    int64 // leases given up for want of room, or by Park
	Moved                     int64 // turns, except first ones, on another rank than the last
}

// Level is how full a router is, in rollouts.
type Level struct {
	Leases  int // that have a lease, between turns or not
	Running int // that have a turn under way
	Parked  int // that had a lease before, and have none, waiting or not
	Resume  int // of those, the ones that wait
	Waiting int // for their first lease
}

// RankStatus is how full a rank is.
type RankStatus struct {
	Rank
	State   RankState
	Epoch   int64
	Leases  int   // rollouts
	Running int   // turns
	Tokens  int64 // of all leases, prompts of groups counted once
}

// Stats returns what has happened so far.
func (r *Router) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// Level returns how full the router is.
func (r *Router) Level() Level {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := Level{Resume: r.parked.n, Waiting: r.fresh.n}
	for _, k := range r.ranks {
		l.Leases += k.leases.n
		l.Running += k.running
	}
	l.Parked = len(r.rollouts) - l.Leases - l.Waiting
	return l
}

// Ranks returns how full each rank is, in the order they were added.
func (r *Router) Ranks() []RankStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]RankStatus, len(r.ranks))
	for i, k := range r.ranks {
		all[i] = RankStatus{k.Rank, k.state, k.epoch, k.leases.n, k.running, k.tokens}
	}
	return all
}

package route

// choosers return the rank for a rollout that has no lease or, where the policy
// chooses for each turn, for its next; nil if it must wait. All choose among the
// ranks in the heap.
var choosers = [...]func(*Router, *rollout) *rank{
	KVLease:        (*Router).leastFitting,
	FewestTokens:   (*Router).fewestTokens,
	FewestRollouts: (*Router).fewestRollouts,
	BoundedHash:    (*Router).boundedHash,
	ConsistentHash: (*Router).consistentHash,
	PrefixHash:     (*Router).prefixHash,
	CacheAware:     (*Router).cacheAware,
	LeastLoaded:    (*Router).leastLoaded,
	PowerOfTwo:     (*Router).powerOfTwo,
	RoundRobin:     (*Router).roundRobin,
	Random:         (*Router).random,
}

// promptReach is how much fuller a rank may be that holds the prompt of a group,
// in prompts.
const promptReach = 3

// leastFitting returns the rank with the least load that has room for s. One that
// holds its prompt goes first if it has few siblings yet and is not much fuller.
func (r *Router) leastFitting(s *rollout) *rank {
	need := s.counts()
	if s.group == nil {
		return r.search(0, nil, s.placed, need)
	}
	need += s.group.shared
	least := r.search(0, nil, s.placed, need)
	var with, crowded *rank // that hold the prompt
	for _, at := range s.group.seats {
		k := at.rank
		switch {
		case k.place < 0 || !k.fits(s.counts(), s.placed):
		case at.n < r.config.MaxSiblings:
			with = r.heap.lesser(with, k)
		default:
			crowded = r.heap.lesser(crowded, k)
		}
	}
	switch {
	case with != nil && (least == nil || with.load <= least.load+promptReach*float64(s.group.shared)/float64(with.Capacity)):
		return with
	case least != nil:
		return least
	}
	return crowded
}

// fits reports whether a rank has room for a rollout that brings so many tokens.
func (k *rank) fits(tokens int64, placed bool) bool {
	budget := k.admit
	if placed {
		budget = k.resume
	}
	return k.tokens+tokens <= budget || k.leases.n == 0
}

// search returns the least rank that has room, from the i-th of the heap down, or
// best if that is less. It looks no further down where no rank can have room,
// whatever its capacity, for it has a greater load.
func (r *Router) search(i int, best *rank, placed bool, tokens int64) *rank {
	if i >= len(r.heap) || best != nil && !r.heap.less(i, best.place) {
		return best
	}
	k := r.heap[i]
	if k.fits(tokens, placed) {
		return k
	}
	fraction := r.config.Admit
	if placed {
		fraction = r.config.Resume
	}
	if k.load > 0 && float64((fraction-k.load)*float64(r.widest))+1 < float64(tokens) {
		return best
	}
	best = r.search(2*i+1, best, placed, tokens)
	return r.search(2*i+2, best, placed, tokens)
}

func (r *Router) fewestTokens(*rollout) *rank {
	if len(r.heap) == 0 {
		return nil
	}
	return r.heap[0]
}

// least returns the rank with the least count for its speed, one of equals at
// random.
func (r *Router) least(count func(*rank) int) *rank {
	var least *rank
	var best float64
	equals := 0
	for _, k := range r.heap {
		n := float64(count(k)) / k.Speed
		switch {
		case least == nil || n < best:
			least, best, equals = k, n, 1
		case n == best:
			if equals++; r.rng.IntN(equals) == 0 {
				least = k
			}
		}
	}
	return least
}

func runningOn(k *rank) int { return k.running }

func (r *Router) leastLoaded(*rollout) *rank { return r.least(runningOn) }

func (r *Router) fewestRollouts(*rollout) *rank {
	return r.least(func(k *rank) int { return k.leases.n })
}

func (r *Router) random(*rollout) *rank {
	if len(r.heap) == 0 {
		return nil
	}
	return r.heap[r.rng.IntN(len(r.heap))]
}

func (r *Router) powerOfTwo(s *rollout) *rank {
	n := len(r.heap)
	if n < 2 {
		return r.random(s)
	}
	i, j := r.rng.IntN(n), r.rng.IntN(n-1)
	if j >= i {
		j++
	}
	a, b := r.heap[i], r.heap[j]
	if float64(b.running)/b.Speed < float64(a.running)/a.Speed {
		return b
	}
	return a
}

func (r *Router) roundRobin(*rollout) *rank {
	if len(r.heap) == 0 {
		return nil
	}
	for {
		k := r.ranks[r.next%len(r.ranks)]
		r.next = (r.next + 1) % len(r.ranks)
		if k.place >= 0 {
			return k
		}
	}
}

// How cacheAware weighs a prefix against balance.
const (
	matchAbove = 0.5
	spreadOver = 32  // turns between the ranks with the most and the fewest
	spreadBy   = 1.5 // times the fewest
)

func (r *Router) cacheAware(s *rollout) *rank {
	most, fewest := 0, 0
	for i, k := range r.heap {
		if i == 0 {
			fewest = k.running
		}
		most, fewest = max(most, k.running), min(fewest, k.running)
	}
	if most-fewest > spreadOver && float64(most) > float64(spreadBy*float64(fewest)) {
		return r.leastLoaded(s)
	}
	var best *rank
	match := float64(matchAbove * float64(s.context))
	prompt := 0.0
	if s.group != nil {
		prompt = float64(s.group.shared)
		for _, at := range s.group.seats {
			if prompt > match && at.rank.place >= 0 {
				best = r.heap.lesser(best, at.rank)
			}
		}
	}
	if k := s.rank; k != nil && prompt+float64(k.resident(s)*float64(s.own())) > match {
		best = k
	}
	if best == nil {
		return r.leastLoaded(s)
	}
	return best
}

package route

import "time"

type rolloutState uint8

const (
	idle    rolloutState = iota // between turns, with or without a lease
	waiting                     // for a lease
	running                     // a turn
)

// rollout is one that was placed and has not finished, or waits for its place.
type rollout struct {
	id      string
	group   *group
	context int64 // tokens
	reserve int64 // tokens that count at least
	state   rolloutState
	placed  bool // has had a lease

	rank  *rank // that its lease is on, nil if it has none
	slot  int32 // in the rank's recency, -1 if long evicted
	last  *rank // of its last turn
	epoch int64 // of last at the time
	turn  int64 // the last that was granted
	moved bool  // before that turn

	idleSince time.Time
	links     [2]link
	grant     func(Lease, error) // nil, or to be told when it no longer waits
}

// own returns the tokens of its context that no sibling shares.
func (s *rollout) own() int64 {
	if s.group == nil {
		return s.context
	}
	return max(0, s.context-s.group.shared)
}

// counts returns the tokens that count against a rank's capacity, the prompt of its
// group left out.
func (s *rollout) counts() int64 {
	n := max(s.context, s.reserve)
	if s.group == nil {
		return n
	}
	return max(0, n-s.group.shared)
}

// group is rollouts with the same prompt.
type group struct {
	id      string
	shared  int64
	members int
	seats   []seat
}

// seat is the members of a group on a rank.
type seat struct {
	rank *rank
	n    int
}

func (g *group) on(k *rank) *seat {
	for i := range g.seats {
		if g.seats[i].rank == k {
			return &g.seats[i]
		}
	}
	return nil
}

// Each rollout is in one list of leases or of those that wait, and, between turns,
// in the list of those that are idle.
const (
	leaseLinks = iota
	idleLinks
)

type link struct{ prev, next *rollout }

// list is rollouts in the order they were appended, linked by links[which].
type list struct {
	which       int
	first, last *rollout
	n           int
}

func (l *list) append(s *rollout) {
	s.links[l.which] = link{prev: l.last}
	if l.last == nil {
		l.first = s
	} else {
		l.last.links[l.which].next = s
	}
	l.last = s
	l.n++
}

func (l *list) remove(s *rollout) {
	at := s.links[l.which]
	if at.prev == nil {
		l.first = at.next
	} else {
		at.prev.links[l.which].next = at.next
	}
	if at.next == nil {
		l.last = at.prev
	} else {
		at.next.links[l.which].prev = at.prev
	}
	s.links[l.which] = link{}
	l.n--
}

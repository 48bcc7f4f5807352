package queue

import (
	"maps"
	"math/bits"
)

// Stats say what has become of groups. At any time
//
//	Started = running + Finished + Retried + Withdrawn
//	Finished = ready + Taken + Dropped + Requeued
//
// where each attempt counts as started.
type Stats struct {
	Started, Retried, Withdrawn int64
	Finished                    int64
	Taken                       int64 // by batches
	Dropped, Requeued           int64 // beyond the bound
	Violations                  int64 // taken although beyond the bound
	// Staleness counts groups taken by their staleness in steps.
	Staleness map[int64]int64
	// Lengths of groups in tokens. What was dropped counts here also if its
	// prompt was sampled again.
	FinishedTokens, TakenTokens, DroppedTokens Lengths
}

// Lengths are a histogram of the lengths of groups in tokens.
type Lengths struct {
	Groups, Tokens int64
	// Octaves counts lengths by the bits they have: 0, 1, 2–3, 4–7, ….
	Octaves [64]int64
}

// Mean returns the mean length, 0 of no groups.
func (l Lengths) Mean() float64 {
	if l.Groups == 0 {
		return 0
	}
	return float64(l.Tokens) / float64(l.Groups)
}

func (l *Lengths) add(tokens int64) {
	l.Groups++
	l.Tokens += tokens
	l.Octaves[bits.Len64(uint64(tokens))]++
}

// MeanStaleness returns the mean over groups taken, in steps; 0 of none.
func (s Stats) MeanStaleness() float64 {
	if s.Taken == 0 {
		return 0
	}
	var sum int64
	for steps, n := range s.Staleness {
		sum += steps * n
	}
	return float64(sum) / float64(s.Taken)
}

// LengthBias returns the mean length of groups taken over the mean length of all
// that were taken or dropped: 1 if nothing was dropped, less if what is dropped
// is longer than the rest.
func (s Stats) LengthBias() float64 {
	groups := s.TakenTokens.Groups + s.DroppedTokens.Groups
	tokens := s.TakenTokens.Tokens + s.DroppedTokens.Tokens
	if s.TakenTokens.Groups == 0 || tokens == 0 {
		return 1
	}
	return s.TakenTokens.Mean() / (float64(tokens) / float64(groups))
}

func (s *Stats) take(tokens, staleness int64, bound int) {
	if s.Staleness == nil {
		s.Staleness = make(map[int64]int64)
	}
	s.Taken++
	s.Staleness[staleness]++
	s.TakenTokens.add(tokens)
	if staleness > int64(bound) {
		s.Violations++
	}
}

func (s Stats) clone() Stats {
	s.Staleness = maps.Clone(s.Staleness)
	return s
}

// Stats returns what has happened so far.
func (q *Queue[P, S]) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.stats.clone()
}

// Level is how full a queue is, in groups.
type Level struct {
	Running int // being sampled
	Waiting int // for another attempt
	Ready   int // finished, not taken
	Queued  int // prompts to be sampled again
	Blocked int // calls of Start that wait
}

// Level returns how full the queue is.
func (q *Queue[P, S]) Level() Level {
	q.mu.Lock()
	defer q.mu.Unlock()
	return Level{
		Running: q.running,
		Waiting: len(q.retry),
		Ready:   len(q.live) - q.gone - q.running - len(q.retry),
		Queued:  len(q.prompts),
		Blocked: len(q.starters),
	}
}

package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

var (
	// ErrTicket is wrapped by the error for a ticket that is not running: unknown,
	// finished, withdrawn, or of an attempt that Retry has given up.
	ErrTicket = errors.New("queue: ticket is not running")
	// ErrBatch is wrapped by the error for a batch that is not out, and for a
	// version that no step has made.
	ErrBatch = errors.New("queue: no such batch or version")
)

// RunningTicket is the right to sample a group.
type RunningTicket[P any] struct {
	ID      int64 // in the order of starting, from 0
	Attempt int   // 0, and one more after each Retry
	Version int64 // of the policy to sample with: the last that was published
	Prompt  P
}

// Group is the samples of a prompt, in the order they finished.
type Group[P, S any] struct {
	ID      int64
	Version int64 // it was started with
	Prompt  P
	Samples []S
	Tokens  int64 // of all samples
}

// Batch is the groups of one optimizer step.
type Batch[P, S any] struct {
	Index  int64 // steps before this one
	Groups []Group[P, S]
}

// Queue is what the package comment describes, of groups with prompts P and
// samples S. New makes one.
type Queue[P, S any] struct {
	config Config

	mu      sync.Mutex
	nextID  int64
	version int64 // published
	running int
	groups  map[int64]*group[P, S] // that run, or wait for another attempt
	retry   []*group[P, S]         // of those, the ones that wait
	live    []*group[P, S]         // not taken yet, in the order of ID; some may be gone
	gone    int                    // how many of live
	ready   []*group[P, S]         // finished, in that order; some may be gone
	prompts []P                    // to be sampled again, under new tickets

	round    int64         // of choosing a batch
	taken    int64         // batches, those that are to be taken again left out
	again    []Batch[P, S] // taken before a crash, not done
	training []Batch[P, S] // taken, not done
	changed  chan struct{} // closed when Take may find a batch; nil if none waits
	starters []*starter[P] // first come, first served
	stats    Stats
}

type state uint8

const (
	running state = iota
	waiting       // for another attempt
	ready
	gone // taken or discarded
)

type group[P, S any] struct {
	Group[P, S]
	state   state
	attempt int
	started time.Time
	due     int64 // the last round that had to take it
}

// starter is a call of Start that waits.
type starter[P any] struct {
	next   func() P
	ticket RunningTicket[P]
	done   chan struct{} // closed when ticket is set
}

// New returns an empty queue, or an error that wraps ErrConfig.
func New[P, S any](c Config) (*Queue[P, S], error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	c.setDefaults()
	return &Queue[P, S]{config: c, groups: make(map[int64]*group[P, S])}, nil
}

// Config returns the queue's configuration, defaults filled in.
func (q *Queue[P, S]) Config() Config { return q.config }

// Start waits until a group may start, and starts it: one whose attempt was given
// up, with its own ticket; a prompt to be sampled again; or else one that next
// returns. Calls are served in turn. An error is that of ctx.
//
// Next is called under the queue's lock: it must be quick and not call the queue.
func (q *Queue[P, S]) Start(ctx context.Context, next func() P) (RunningTicket[P], error) {
	if err := ctx.Err(); err != nil {
		return RunningTicket[P]{}, err
	}
	q.mu.Lock()
	if len(q.starters) == 0 && q.open() {
		defer q.mu.Unlock()
		return q.start(next), nil
	}
	s := &starter[P]{next: next, done: make(chan struct{})}
	q.starters = append(q.starters, s)
	q.mu.Unlock()

	select {
	case <-s.done:
		return s.ticket, nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.starters, s); i >= 0 {
		q.starters = slices.Delete(q.starters, i, i+1)
		return RunningTicket[P]{}, ctx.Err()
	}
	return s.ticket, nil // granted at the same time
}

// TryStart is Start that does not wait: ok is false where it would.
func (q *Queue[P, S]) TryStart(next func() P) (t RunningTicket[P], ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.starters) > 0 || !q.open() {
		return t, false
	}
	return q.start(next), true
}

// open reports whether a group may start.
func (q *Queue[P, S]) open() bool {
	if q.config.MaxRunning > 0 && q.running >= q.config.MaxRunning {
		return false
	}
	batch := int64(q.config.Batch)
	tickets := q.taken*batch + int64(len(q.live)-q.gone) // without those dropped
	return len(q.retry) > 0 || tickets < (int64(q.config.Gate())+q.version+1)*batch
}

// start starts a group; the queue is open.
func (q *Queue[P, S]) start(next func() P) RunningTicket[P] {
	var g *group[P, S]
	switch {
	case len(q.retry) > 0:
		g, q.retry = q.retry[0], q.retry[1:]
	default:
		g = &group[P, S]{Group: Group[P, S]{ID: q.nextID}}
		if len(q.prompts) > 0 {
			g.Prompt, q.prompts = q.prompts[0], q.prompts[1:]
		} else {
			g.Prompt = next()
		}
		q.nextID++
		q.live = append(q.live, g)
		q.groups[g.ID] = g
	}
	g.state, g.Version, g.started = running, q.version, q.config.Now()
	q.running++
	q.stats.Started++
	return RunningTicket[P]{ID: g.ID, Attempt: g.attempt, Version: g.Version, Prompt: g.Prompt}
}

// admit lets calls of Start in that waited, and Take look again.
func (q *Queue[P, S]) admit() {
	for len(q.starters) > 0 && q.open() {
		s := q.starters[0]
		q.starters = q.starters[1:]
		s.ticket = q.start(s.next)
		close(s.done)
	}
	if q.changed != nil {
		close(q.changed)
		q.changed = nil
	}
}

// Finish adds a sample, of a length in tokens, to the group of t. The last sample
// of a group makes it ready. An error wraps ErrTicket.
func (q *Queue[P, S]) Finish(t RunningTicket[P], sample S, tokens int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	g, err := q.find(t)
	if err != nil {
		return err
	}
	g.Samples = append(g.Samples, sample)
	g.Tokens += int64(max(0, tokens))
	if len(g.Samples) < q.config.Group {
		return nil
	}
	g.state = ready
	q.running--
	delete(q.groups, g.ID)
	q.ready = append(q.ready, g)
	q.stats.Finished++
	q.stats.FinishedTokens.add(g.Tokens)
	q.admit()
	return nil
}

// Withdraw gives a group up for good; its place goes to another. An error wraps
// ErrTicket.
func (q *Queue[P, S]) Withdraw(t RunningTicket[P]) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	g, err := q.find(t)
	if err != nil {
		return err
	}
	q.running--
	delete(q.groups, g.ID)
	q.leave(g)
	q.stats.Withdrawn++
	q.admit()
	return nil
}

// Retry gives this attempt at a group up, for one that was lost or is overdue:
// what it has is discarded, what comes of it later is refused, and the next Start
// begins it anew with the same ticket, so that nothing waits for ever for the
// oldest. An error wraps ErrTicket.
func (q *Queue[P, S]) Retry(t RunningTicket[P]) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	g, err := q.find(t)
	if err != nil {
		return err
	}
	q.running--
	q.restart(g)
	q.stats.Retried++
	q.admit()
	return nil
}

// restart makes g wait for another attempt.
func (q *Queue[P, S]) restart(g *group[P, S]) {
	g.state, g.Samples, g.Tokens = waiting, nil, 0
	g.attempt++
	at, _ := slices.BinarySearchFunc(q.retry, g.ID, func(a *group[P, S], id int64) int { return cmp.Compare(a.ID, id) })
	q.retry = slices.Insert(q.retry, at, g)
}

// Overdue returns the tickets that have run for longer than d, oldest first.
func (q *Queue[P, S]) Overdue(d time.Duration) []RunningTicket[P] {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.config.Now()
	var late []RunningTicket[P]
	for _, g := range q.live {
		if g.state == running && now.Sub(g.started) > d {
			late = append(late, RunningTicket[P]{ID: g.ID, Attempt: g.attempt, Version: g.Version, Prompt: g.Prompt})
		}
	}
	return late
}

// find returns the running group of t.
func (q *Queue[P, S]) find(t RunningTicket[P]) (*group[P, S], error) {
	g := q.groups[t.ID]
	if g == nil || g.state != running || g.attempt != t.Attempt {
		return nil, fmt.Errorf("%w: %d, attempt %d", ErrTicket, t.ID, t.Attempt)
	}
	return g, nil
}

// leave takes a group out of the order of tickets.
func (q *Queue[P, S]) leave(g *group[P, S]) {
	g.state = gone
	q.gone++
	if q.gone > len(q.live)/2 {
		isGone := func(g *group[P, S]) bool { return g.state == gone }
		q.live = slices.DeleteFunc(q.live, isGone)
		q.ready = slices.DeleteFunc(q.ready, isGone)
		q.gone = 0
	}
}

// Publish says that the engines hold the weights after the given number of
// optimizer steps; groups that start from now on have that version. An error, for
// a version below the last or beyond the steps that are done, wraps ErrBatch.
func (q *Queue[P, S]) Publish(version int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if done := q.done(); version < q.version || version > done {
		return fmt.Errorf("%w: version %d after version %d and %d steps", ErrBatch, version, q.version, done)
	}
	q.version = version
	q.admit()
	return nil
}

// done returns the number of steps that are done, of batches in order.
func (q *Queue[P, S]) done() int64 {
	switch {
	case len(q.training) > 0:
		return q.training[0].Index
	case len(q.again) > 0:
		return q.again[0].Index
	}
	return q.taken
}

package queue_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/queue"
)

// A model is a queue with what the test itself knows of it: the state of every
// ticket, kept in the plainest way.
type model struct {
	t       testing.TB
	config  queue.Config
	q       *queue.Queue[int, int]
	next    func() int
	tickets []*ticket // by ID
	order   []int64   // of finishing
	out     []queue.Batch[int, int]
	batches int64
	version int64
	trained map[int]int // prompt → times
	dropped map[int]bool
}

type ticket struct {
	queue.RunningTicket[int]
	running, ready, gone bool
	samples              int
}

func newModel(t testing.TB, c queue.Config) *model {
	q, err := queue.New[int, int](c)
	require.NoError(t, err)
	return &model{t: t, config: q.Config(), q: q, next: prompts(), trained: map[int]int{}, dropped: map[int]bool{}}
}

func (m *model) running() []*ticket {
	var out []*ticket
	for _, k := range m.tickets {
		if k.running {
			out = append(out, k)
		}
	}
	return out
}

func (m *model) start() bool {
	r, ok := m.q.TryStart(m.next)
	if !ok {
		return false
	}
	if r.ID == int64(len(m.tickets)) {
		m.tickets = append(m.tickets, &ticket{})
	}
	k := m.tickets[r.ID]
	require.False(m.t, k.running || k.ready || k.gone)
	require.Equal(m.t, m.version, r.Version)
	*k = ticket{RunningTicket: r, running: true}
	return true
}

func (m *model) finish(k *ticket) {
	require.NoError(m.t, m.q.Finish(k.RunningTicket, k.Prompt, 1+k.Prompt%7))
	if k.samples++; k.samples == m.config.Group {
		k.running, k.ready = false, true
		m.order = append(m.order, k.ID)
	}
}

func (m *model) retry(k *ticket) {
	require.NoError(m.t, m.q.Retry(k.RunningTicket))
	*k = ticket{RunningTicket: k.RunningTicket}
}

func (m *model) withdraw(k *ticket) {
	require.NoError(m.t, m.q.Withdraw(k.RunningTicket))
	k.running, k.gone = false, true
	m.dropped[k.Prompt] = true
}

// expect chooses a batch as the package comment says, one group at a time.
func (m *model) expect() []int64 {
	bound := int64(m.config.MaxStaleness)
	if v := m.config.Violation; v == queue.Drop || v == queue.Requeue {
		for _, k := range m.tickets {
			if k.ready && m.batches-k.Version > bound {
				k.ready, k.gone = false, true
				if v == queue.Drop {
					m.dropped[k.Prompt] = true
				}
			}
		}
	}
	var batch []int64
	if m.config.Violation == queue.Block && m.config.Window == 0 && m.config.Order != queue.Ticket {
		// Deadline by deadline: whatever later batches cannot hold.
		for last := m.batches; last <= m.batches+bound+1; last++ {
			need, have := -int(last-m.batches)*m.config.Batch, 0
			var candidates []int64
			for deadline := int64(0); deadline <= last; deadline++ {
				for _, k := range m.tickets {
					version := k.Version
					if !k.running && !k.ready { // to be started again
						version = m.version
					}
					if k.gone || version+bound != deadline {
						continue
					}
					need++
					if slices.Contains(batch, k.ID) {
						have++
					} else if k.ready {
						candidates = append(candidates, k.ID)
					}
				}
			}
			if more := need - have; more > len(candidates) {
				return nil
			} else if more > 0 {
				batch = append(batch, candidates[:more]...)
			}
		}
	}
	for len(batch) < m.config.Batch {
		best := int64(-1)
		head := int64(-1)
		for _, k := range m.tickets {
			if !k.gone && !slices.Contains(batch, k.ID) {
				head = k.ID
				break
			}
		}
		for _, id := range m.order {
			k := m.tickets[id]
			if !k.ready || slices.Contains(batch, id) {
				continue
			}
			switch m.config.Order {
			case queue.Ticket:
				if id == head {
					best = id
				}
			case queue.Window:
				if id < head+int64(m.config.Window) && (best < 0 || id < best) {
					best = id
				}
			case queue.Completion:
				if best < 0 {
					best = id
				}
			case queue.Freshest:
				if best < 0 || k.Version > m.tickets[best].Version {
					best = id
				}
			}
		}
		if best < 0 {
			return nil
		}
		batch = append(batch, best)
	}
	return batch
}

func (m *model) take() bool {
	b, ok := m.q.TryTake()
	want := m.expect()
	require.Equal(m.t, want != nil, ok)
	if !ok {
		return false
	}
	require.Equal(m.t, want, ids(b))
	require.Equal(m.t, m.batches, b.Index)
	m.batches++
	m.out = append(m.out, b)
	for _, g := range b.Groups {
		k := m.tickets[g.ID]
		require.Equal(m.t, k.Version, g.Version)
		require.Len(m.t, g.Samples, m.config.Group)
		k.ready, k.gone = false, true
		if m.strict() {
			require.LessOrEqual(m.t, b.Index-g.Version, int64(m.config.MaxStaleness))
		}
	}
	return true
}

// strict reports whether no group may ever be staler than the bound.
func (m *model) strict() bool {
	return m.config.Order == queue.Ticket || m.config.Order == queue.Window || m.config.Violation != queue.Admit
}

func (m *model) done() {
	b := m.out[0]
	m.out = m.out[1:]
	require.NoError(m.t, m.q.Done(b))
	for _, g := range b.Groups {
		m.trained[g.Prompt]++
	}
}

func (m *model) publish() {
	m.version = m.batches - int64(len(m.out))
	require.NoError(m.t, m.q.Publish(m.version))
}

// crash saves the queue, as text, and goes on with what Restore makes of that.
func (m *model) crash() {
	text, err := json.Marshal(m.q.Save())
	require.NoError(m.t, err)
	var s queue.State[int, int]
	require.NoError(m.t, json.Unmarshal(text, &s))
	m.q, err = queue.Restore(s, nil)
	require.NoError(m.t, err)
	for _, k := range m.running() {
		require.ErrorIs(m.t, m.q.Finish(k.RunningTicket, 0, 1), queue.ErrTicket)
		*k = ticket{RunningTicket: k.RunningTicket}
	}
	for i, want := range m.out {
		b, ok := m.q.TryTake()
		require.True(m.t, ok)
		require.Equal(m.t, want, b, "batch %d again", i)
	}
}

// check holds what must hold at any time.
func (m *model) check() {
	s, l := m.q.Stats(), m.q.Level()
	require.Equal(m.t, s.Started, int64(l.Running)+s.Finished+s.Retried+s.Withdrawn)
	require.Equal(m.t, s.Finished, int64(l.Ready)+s.Taken+s.Dropped+s.Requeued)
	require.Equal(m.t, s.Taken, m.batches*int64(m.config.Batch))
	require.Len(m.t, m.running(), l.Running)
	live := 0
	for _, k := range m.tickets {
		if !k.gone {
			live++
		}
	}
	require.LessOrEqual(m.t, int64(live)+s.Taken, (int64(m.config.Gate())+m.version+1)*int64(m.config.Batch))
}

// drain goes on in the plainest way for some batches: there is no deadlock, no
// prompt is used twice, and none that left the queue is lost.
func (m *model) drain() {
	end := m.batches + int64(m.config.MaxStaleness) + 2
	for m.batches < end {
		progress := m.start()
		for _, k := range m.running() {
			for k.running {
				m.finish(k)
			}
		}
		progress = m.take() || progress
		for ; len(m.out) > 0; progress = true {
			m.done()
		}
		m.publish()
		m.check()
		if !progress {
			m.t.Fatalf("nothing can start and nothing be taken: %+v %+v", m.config, m.q.Level())
		}
	}
	for _, k := range m.tickets {
		if k.gone && !m.dropped[k.Prompt] && m.config.Violation != queue.Requeue {
			require.Equal(m.t, 1, m.trained[k.Prompt], "prompt %d", k.Prompt)
		}
	}
	for prompt, n := range m.trained {
		require.Equal(m.t, 1, n, "prompt %d", prompt)
		require.False(m.t, m.dropped[prompt])
	}
}

// configs are small queues of every kind.
func configs() []queue.Config {
	var out []queue.Config
	for _, order := range []queue.Order{queue.Ticket, queue.Window, queue.Completion, queue.Freshest} {
		for _, violation := range []queue.Violation{queue.Admit, queue.Drop, queue.Block, queue.Requeue} {
			c := queue.Config{Batch: 2, MaxStaleness: 1, Order: order, Violation: violation}
			if order == queue.Window {
				c.Window = 2
			}
			out = append(out, c)
			c.MaxStaleness, c.Group, c.MaxRunning = 2, 2, 3
			if order == queue.Window {
				c.Window = 3
			}
			out = append(out, c)
		}
	}
	return out
}

func name(c queue.Config) string {
	return fmt.Sprintf("%v/%v/%d", c.Order, c.Violation, c.MaxStaleness)
}

// TestAllSchedules walks through every schedule of a few steps.
func TestAllSchedules(t *testing.T) {
	depth := 4
	if testing.Short() {
		depth = 3
	}
	for _, c := range configs() {
		t.Run(name(c), func(t *testing.T) {
			schedules := 0
			var walk func(path []int)
			walk = func(path []int) {
				m := newModel(t, c)
				for m.start() {
				}

				for _, p := range path {
					m.step(p)
				}
				choices := m.choices()
				if len(path) == depth || choices == 0 {
					schedules++
					m.drain()
					return
				}
				for p := range choices {
					walk(append(slices.Clip(path), p))
				}
			}
			walk(nil)
			require.Greater(t, schedules, 10)
		})
	}
}

// choices returns how many steps there are to choose from: to finish one of the
// first running groups, to take, to end a step, to retry the oldest.
func (m *model) choices() int { return min(3, len(m.running())) + 3 }

func (m *model) step(choice int) {
	running := m.running()
	n := min(3, len(running))
	switch {
	case choice < n:
		m.finish(running[choice])
	case choice == n:
		m.take()
	case choice == n+1:
		if len(m.out) > 0 {
			m.done()
			m.publish()
		}
	case len(running) > 0:
		m.retry(running[0])
	}
	for m.start() {
	}
	m.check()
}

// TestRandomSchedules lets large queues run, crash and come back.
func TestRandomSchedules(t *testing.T) {
	for _, c := range configs() {
		t.Run(name(c), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, 7))
			c.Batch, c.MaxStaleness = 5, c.MaxStaleness+2
			if c.Window > 0 {
				c.Window = 9
			}
			c.MaxRunning *= 4
			m := newModel(t, c)
			steps := 3000
			if testing.Short() {
				steps = 1000
			}
			for range steps {
				running := m.running()
				switch p := rng.IntN(100); {
				case p < 40:
					m.start()
				case p < 80 && len(running) > 0:
					m.finish(running[rng.IntN(len(running))])
				case p < 90:
					m.take()
				case p < 95 && len(m.out) > 0:
					m.done()
					m.publish()
				case p < 97 && len(running) > 0:
					m.retry(running[rng.IntN(len(running))])
				case p < 98 && len(running) > 0:
					m.withdraw(running[rng.IntN(len(running))])
				case p == 99:
					m.crash()
				}
				m.check()
			}
			require.Greater(t, m.batches, int64(steps/150))
			m.drain()
		})
	}
}

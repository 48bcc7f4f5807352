package queue_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/queue"
)

// prompts returns a source of the prompts 0, 1, 2, ….
func prompts() func() int {
	n := -1
	return func() int {
		n++
		return n
	}
}

func newQueue(t *testing.T, c queue.Config) *queue.Queue[int, string] {
	t.Helper()
	q, err := queue.New[int, string](c)
	require.NoError(t, err)
	return q
}

func ids[P, S any](b queue.Batch[P, S]) []int64 {
	var out []int64
	for _, g := range b.Groups {
		out = append(out, g.ID)
	}
	return out
}

// TestGate counts how many groups may start at each version.
func TestGate(t *testing.T) {
	q := newQueue(t, queue.Config{Batch: 3, MaxStaleness: 2})
	next := prompts()
	var running []queue.RunningTicket[int]
	startAll := func() (n int) {
		for {
			r, ok := q.TryStart(next)
			if !ok {
				return n
			}
			running = append(running, r)
			n++
		}
	}
	assert.Equal(t, 9, startAll(), "(η + 0 + 1)·B")
	require.NoError(t, q.Withdraw(running[8]))
	running = running[:8]
	assert.Equal(t, 1, startAll(), "a withdrawn group's place goes to another")
	assert.ErrorIs(t, q.Publish(1), queue.ErrBatch, "no step is done")
	for _, r := range running[:3] {
		require.NoError(t, q.Finish(r, "x", 5))
	}
	b, ok := q.TryTake()
	require.True(t, ok)
	assert.Equal(t, []int64{0, 1, 2}, ids(b))
	assert.ErrorIs(t, q.Publish(1), queue.ErrBatch, "the step is not done")
	require.NoError(t, q.Done(b))
	assert.ErrorIs(t, q.Done(b), queue.ErrBatch)
	assert.Zero(t, startAll())
	require.NoError(t, q.Publish(1))
	assert.Equal(t, 3, startAll())
	assert.Equal(t, int64(1), running[len(running)-1].Version)
	assert.ErrorIs(t, q.Publish(0), queue.ErrBatch, "versions do not go back")
}

// TestOrders finishes five of six groups in a fixed order, of versions 0 and 1.
func TestOrders(t *testing.T) {
	for _, c := range []struct {
		config queue.Config
		want   []int64 // nil: nothing to take
	}{
		{queue.Config{Order: queue.Ticket}, nil},
		{queue.Config{Order: queue.Window, Window: 2}, nil},
		{queue.Config{Order: queue.Window, Window: 3}, []int64{3, 4}},
		{queue.Config{Order: queue.Completion}, []int64{7, 4}},
		{queue.Config{Order: queue.Freshest}, []int64{7, 6}},
	} {
		c.config.Batch, c.config.MaxStaleness = 2, 2
		q := newQueue(t, c.config)
		next := prompts()
		var running []queue.RunningTicket[int]
		start := func(n int) {
			for range n {
				r, ok := q.TryStart(next)
				require.True(t, ok)
				running = append(running, r)
			}
		}
		finish := func(ids ...int) {
			for _, id := range ids {
				require.NoError(t, q.Finish(running[id], "x", 1))
			}
		}
		if c.config.Order == queue.Window {
			start(4) // its gate is lower
		} else {
			start(6)
		}
		finish(0, 1)
		b, ok := q.TryTake()
		require.True(t, ok)
		require.NoError(t, q.Done(b))
		require.NoError(t, q.Publish(1))
		start(8 - len(running) - map[bool]int{true: 2}[c.config.Order == queue.Window])
		if c.config.Order == queue.Window {
			finish(4, 3)
		} else {
			finish(7, 4, 6, 3)
		}
		b, ok = q.TryTake()
		assert.Equal(t, c.want != nil, ok, "%+v", c.config)
		assert.Equal(t, c.want, ids(b), "%+v", c.config)
	}
}

func TestGroups(t *testing.T) {
	q := newQueue(t, queue.Config{Batch: 1, Group: 3})
	r, ok := q.TryStart(prompts())
	require.True(t, ok)
	for i, s := range []string{"a", "b", "c"} {
		_, ok := q.TryTake()
		assert.False(t, ok)
		require.NoError(t, q.Finish(r, s, i+1))
	}
	assert.ErrorIs(t, q.Finish(r, "d", 1), queue.ErrTicket)
	b, ok := q.TryTake()
	require.True(t, ok)
	assert.Equal(t, queue.Group[int, string]{Samples: []string{"a", "b", "c"}, Tokens: 6}, b.Groups[0])
}

func TestRetry(t *testing.T) {
	now := time.Unix(0, 0)
	q := newQueue(t, queue.Config{Batch: 1, Group: 2, Now: func() time.Time { return now }})
	next := prompts()
	old, ok := q.TryStart(next)
	require.True(t, ok)
	require.NoError(t, q.Finish(old, "old", 1))
	assert.Empty(t, q.Overdue(time.Minute))
	now = now.Add(2 * time.Minute)
	require.Equal(t, []queue.RunningTicket[int]{old}, q.Overdue(time.Minute))
	require.NoError(t, q.Retry(old))
	assert.ErrorIs(t, q.Finish(old, "late", 1), queue.ErrTicket)
	assert.ErrorIs(t, q.Retry(old), queue.ErrTicket)

	again, ok := q.TryStart(next)
	require.True(t, ok)
	assert.Equal(t, queue.RunningTicket[int]{ID: 0, Attempt: 1, Prompt: 0}, again)
	require.NoError(t, q.Finish(again, "a", 1))
	require.NoError(t, q.Finish(again, "b", 1))
	b, ok := q.TryTake()
	require.True(t, ok)
	assert.Equal(t, []string{"a", "b"}, b.Groups[0].Samples)
}

// TestViolations lets a group become too stale: batches of later ones overtake it.
func TestViolations(t *testing.T) {
	for _, v := range []queue.Violation{queue.Admit, queue.Drop, queue.Requeue, queue.Block} {
		t.Run(v.String(), func(t *testing.T) {
			q := newQueue(t, queue.Config{Batch: 1, MaxStaleness: 1, Order: queue.Completion, Violation: v})
			next := prompts()
			long, ok := q.TryStart(next)
			require.True(t, ok)
			for i := range 3 {
				short, ok := q.TryStart(next)
				require.True(t, ok)
				require.NoError(t, q.Finish(short, "short", 10))
				b, ok := q.TryTake()
				if v == queue.Block && i == 1 {
					assert.False(t, ok, "batch 1 waits for the long one")
					require.NoError(t, q.Finish(long, "long", 1000))
					b, ok = q.TryTake()
					require.True(t, ok)
					assert.Equal(t, []int64{0}, ids(b))
					assert.Equal(t, 1.0, q.Stats().LengthBias())
					return
				}
				require.True(t, ok)
				require.NoError(t, q.Done(b))
				require.NoError(t, q.Publish(b.Index+1))
			}
			require.NoError(t, q.Finish(long, "long", 1000))
			b, ok := q.TryTake()
			s := q.Stats()
			assert.Equal(t, int64(3), s.Staleness[0])
			if v == queue.Admit {
				require.True(t, ok)
				assert.Equal(t, []int64{0}, ids(b))
				assert.Equal(t, int64(1), s.Violations)
				assert.Equal(t, int64(1), s.Staleness[3])
				return
			}
			assert.False(t, ok)
			assert.InDelta(t, 10/(1030.0/4), s.LengthBias(), 1e-12)
			again, ok := q.TryStart(next)
			require.True(t, ok)
			assert.Equal(t, int64(3), again.Version)
			if v == queue.Requeue {
				assert.Equal(t, int64(1), s.Requeued)
				assert.Equal(t, long.Prompt, again.Prompt)
			} else {
				assert.Equal(t, int64(1), s.Dropped)
				assert.NotEqual(t, long.Prompt, again.Prompt)
			}
		})
	}
}

func TestMaxRunning(t *testing.T) {
	q := newQueue(t, queue.Config{Batch: 4, MaxRunning: 2})
	next := prompts()
	a, _ := q.TryStart(next)
	_, ok := q.TryStart(next)
	require.True(t, ok)
	_, ok = q.TryStart(next)
	assert.False(t, ok)
	require.NoError(t, q.Finish(a, "x", 1))
	_, ok = q.TryStart(next)
	assert.True(t, ok)
}

// TestWaiting checks that calls of Start are served in turn, and that a call that
// is given up neither takes nor loses a place.
func TestWaiting(t *testing.T) {
	q := newQueue(t, queue.Config{Batch: 1})
	next := prompts()
	first, err := q.Start(t.Context(), next)
	require.NoError(t, err)

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = q.Start(canceled, next)
	assert.ErrorIs(t, err, context.Canceled)
	_, err = q.Take(canceled)
	assert.ErrorIs(t, err, context.Canceled)

	order := make(chan int, 2)
	gaveUp := make(chan error)
	ctx, giveUp := context.WithCancel(t.Context())
	waiting := func(n int) {
		for q.Level().Blocked != n {
			time.Sleep(time.Millisecond)
		}
	}
	go func() {
		_, err := q.Start(ctx, next)
		gaveUp <- err
	}()
	waiting(1)
	for i := range 2 {
		go func() {
			r, err := q.Start(t.Context(), next)
			assert.NoError(t, err)
			order <- i
			assert.NoError(t, q.Finish(r, "x", 1))
		}()
		waiting(2 + i)
	}
	giveUp()
	assert.ErrorIs(t, <-gaveUp, context.Canceled)
	_, ok := q.TryStart(next)
	assert.False(t, ok, "others wait")
	require.NoError(t, q.Finish(first, "x", 1))
	for i := range 2 {
		b, err := q.Take(t.Context())
		require.NoError(t, err)
		require.NoError(t, q.Done(b))
		require.NoError(t, q.Publish(b.Index+1))
		assert.Equal(t, i, <-order)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []queue.Config{
		{}, {Batch: -1}, {Batch: 1 << 16}, {Batch: 1, Group: -1}, {Batch: 1, MaxStaleness: -1},
		{Batch: 1, MaxRunning: -1}, {Batch: 1, Order: 9}, {Batch: 1, Violation: 9},
		{Batch: 1, Window: 2}, {Batch: 1, Order: queue.Window},
		{Batch: 4, Order: queue.Window, Window: 6, MaxStaleness: 1},
	} {
		_, err := queue.New[int, int](c)
		assert.ErrorIs(t, err, queue.ErrConfig, "%+v", c)
	}
	c := queue.Config{Batch: 4, Order: queue.Window, Window: 5, MaxStaleness: 3}
	assert.NoError(t, c.Check())
	assert.Equal(t, 2, c.Gate())

	text, err := json.Marshal(c)
	require.NoError(t, err)
	assert.JSONEq(t, `{"Batch":4,"Group":0,"MaxStaleness":3,"Order":"window","Window":5,"Violation":"admit","MaxRunning":0}`, string(text))
	var back queue.Config
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, c, back)
	assert.ErrorIs(t, json.Unmarshal([]byte(`{"Order":"lifo"}`), &back), queue.ErrConfig)
	assert.Equal(t, "Order(9)", queue.Order(9).String())
}

package queue_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/queue"
)

// TestConcurrent runs thousands of producers, some of which lose or give up what
// they sample, against a trainer that takes a batch ahead. Every prompt is
// trained on once, none beyond the bound.
func TestConcurrent(t *testing.T) {
	producers, batches := 2000, 60
	if testing.Short() {
		producers, batches = 1000, 10
	}
	q, err := queue.New[int, int](queue.Config{
		Batch: 64, Group: 4, MaxStaleness: 3, Order: queue.Window, Window: 100,
	})
	require.NoError(t, err)
	next := prompts()
	ctx, stop := context.WithCancel(t.Context())
	var lost sync.Map
	var workers sync.WaitGroup
	for i := range producers {
		workers.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			for {
				r, err := q.Start(ctx, next)
				if err != nil {
					assert.ErrorIs(t, err, context.Canceled)
					return
				}
				switch rng.IntN(50) {
				case 0:
					assert.NoError(t, q.Retry(r))
					continue
				case 1:
					lost.Store(r.Prompt, true)
					assert.NoError(t, q.Withdraw(r))
					continue
				case 2:
					time.Sleep(time.Millisecond)
				}
				for range 4 {
					assert.NoError(t, q.Finish(r, r.Prompt, 1+rng.IntN(1000)))
				}
			}
		})
	}
	trained := make(map[int]bool)
	ahead := make(chan queue.Batch[int, int], 1)
	go func() {
		defer close(ahead)
		for range batches {
			b, err := q.Take(t.Context())
			assert.NoError(t, err)
			ahead <- b
		}
	}()
	for b := range ahead {
		for _, g := range b.Groups {
			assert.LessOrEqual(t, b.Index-g.Version, int64(3))
			assert.False(t, trained[g.Prompt])
			trained[g.Prompt] = true
			assert.Equal(t, []int{g.Prompt, g.Prompt, g.Prompt, g.Prompt}, g.Samples)
			_, gone := lost.Load(g.Prompt)
			assert.False(t, gone)
		}
		require.NoError(t, q.Done(b))
		require.NoError(t, q.Publish(b.Index+1))
	}
	stop()
	workers.Wait()
	s := q.Stats()
	assert.Equal(t, int64(64*batches), s.Taken)
	assert.Equal(t, s.Started, int64(q.Level().Running)+s.Finished+s.Retried+s.Withdrawn)
	assert.Zero(t, q.Level().Blocked)
}

// TestMeanStaleness checks that the mean is the gate's if rollouts wait for it,
// whatever their durations and whatever the order of taking.
func TestMeanStaleness(t *testing.T) {
	for _, order := range []queue.Order{queue.Ticket, queue.Completion, queue.Freshest} {
		const batch, gate = 16, 4
		q, err := queue.New[int, int](queue.Config{Batch: batch, MaxStaleness: gate, Order: order})
		require.NoError(t, err)
		next := prompts()
		rng := rand.New(rand.NewPCG(3, 3))
		var running []queue.RunningTicket[int]
		for range 2000 {
			for {
				r, ok := q.TryStart(next)
				if !ok {
					break
				}
				running = append(running, r)
			}
			for {
				if b, ok := q.TryTake(); ok {
					require.NoError(t, q.Done(b))
					require.NoError(t, q.Publish(b.Index+1))
					break
				}
				i := rng.IntN(len(running))
				require.NoError(t, q.Finish(running[i], 0, 1))
				running[i] = running[len(running)-1]
				running = running[:len(running)-1]
			}
		}
		// The first batches are fresher; a few tickets are still out.
		assert.InDelta(t, gate, q.Stats().MeanStaleness(), 0.02, "%v", order)
	}
}

func TestRestoreErrors(t *testing.T) {
	q, err := queue.New[int, int](queue.Config{Batch: 1, MaxStaleness: 3})
	require.NoError(t, err)
	for i := range 4 {
		r, _ := q.TryStart(prompts())
		if i < 2 {
			require.NoError(t, q.Finish(r, i, 1))
		}
	}
	_, ok := q.TryTake()
	require.True(t, ok)
	type state = queue.State[int, int]
	for name, spoil := range map[string]func(*state){
		"config":    func(s *state) { s.Config.Batch = 0 },
		"count":     func(s *state) { s.NextID = -1 },
		"version":   func(s *state) { s.Version = 1 },
		"index":     func(s *state) { s.Training[0].Index = 1 },
		"batch":     func(s *state) { s.Training[0].Groups = nil },
		"order":     func(s *state) { s.Groups[0].ID = 3 },
		"future":    func(s *state) { s.Groups[1].Version = 1 },
		"unknown":   func(s *state) { s.Finished[0] = 77 },
		"twice":     func(s *state) { s.Finished = append(s.Finished, s.Finished[0]) },
		"no sample": func(s *state) { s.Finished = append(s.Finished, 3) },
	} {
		s := q.Save()
		spoil(&s)
		_, err := queue.Restore(s, nil)
		if name == "config" {
			assert.ErrorIs(t, err, queue.ErrConfig)
		} else {
			assert.ErrorIs(t, err, queue.ErrState, name)
		}
	}
	_, err = queue.Restore(q.Save(), nil)
	assert.NoError(t, err)
}

// FuzzRestore feeds states from outside: an error, or a queue that works.
func FuzzRestore(f *testing.F) {
	f.Add(int8(1), int64(4), int64(0), int64(2), int64(1), []byte{0, 1, 2, 3})
	f.Fuzz(func(t *testing.T, batch int8, nextID, version, taken, place int64, groups []byte) {
		s := queue.State[int, int]{
			Config: queue.Config{Batch: int(batch), MaxStaleness: 2, Order: queue.Completion, Violation: queue.Block},
			NextID: nextID, Version: version, Taken: taken,
		}
		for _, b := range groups {
			g := queue.Group[int, int]{ID: int64(b >> 2), Version: place}
			if b&1 == 1 {
				g.Samples = []int{1}
				s.Finished = append(s.Finished, g.ID)
			}
			s.Groups = append(s.Groups, queue.Saved[int, int]{Group: g, Attempt: int(b >> 1 & 1)})
		}
		q, err := queue.Restore(s, nil)
		if err != nil {
			if !errors.Is(err, queue.ErrState) && !errors.Is(err, queue.ErrConfig) {
				t.Fatal(err)
			}
			return
		}
		if r, ok := q.TryStart(prompts()); ok {
			require.NoError(t, q.Finish(r, 1, 1))
		}
		if b, ok := q.TryTake(); ok {
			require.NoError(t, q.Done(b))
		}
	})
}

package route_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/route"
)

// TestConcurrent runs more rollouts than have room at a time, on ranks that fail,
// drain, go and come back. Each reaches its last turn.
func TestConcurrent(t *testing.T) {
	rollouts := 2000
	if testing.Short() {
		rollouts = 500
	}
	for _, p := range []route.Policy{route.KVLease, route.CacheAware, route.BoundedHash} {
		t.Run(p.String(), func(t *testing.T) {
			r, err := route.New(route.Config{Policy: p}, ranks(8, 20_000)...)
			require.NoError(t, err)
			ctx, stop := context.WithCancel(t.Context())
			var chaos, workers sync.WaitGroup
			chaos.Go(func() { disturb(ctx, t, r) })
			// Turns under way by rollout: never two.
			var turns atomic.Int64
			for i := range rollouts {
				workers.Go(func() {
					rng := rand.New(rand.NewPCG(2, uint64(i)))
					o := route.Rollout{ID: fmt.Sprint(i), Group: fmt.Sprint(i / 8), Shared: 200, Tokens: 300}
					l, err := r.Place(t.Context(), o)
					for turn := 0; turn < 10; {
						if !assert.NoError(t, err) {
							return
						}
						if rng.IntN(50) == 0 { // a second turn is refused
							_, err := r.Next(t.Context(), o.ID)
							if err == nil { // its rank had failed
								err = r.Cancel(l)
								assert.ErrorIs(t, err, route.ErrLease)
								return
							}
							assert.ErrorIs(t, err, route.ErrBusy)
						}
						o.Tokens += 100
						switch err := r.Grow(l, o.Tokens); {
						case err == nil:
							turn++
							turns.Add(1)
						case !errors.Is(err, route.ErrLease):
							assert.NoError(t, err)
						}
						if turn < 10 {
							l, err = r.Next(t.Context(), o.ID)
						}
					}
					assert.NoError(t, r.Finish(o.ID))
				})
			}
			workers.Wait()
			stop()
			chaos.Wait()
			assert.Equal(t, route.Level{}, levelWithout(r))
			s := r.Stats()
			assert.Equal(t, s.Placed, s.Finished+s.Expired)
			for _, k := range r.Ranks() {
				assert.Zero(t, k.Tokens)
			}
		})
	}
}

// levelWithout ends the rollouts that gave up, and returns what is left.
func levelWithout(r *route.Router) route.Level {
	for _, o := range r.Save().Rollouts {
		_ = r.Finish(o.ID)
	}
	return r.Level()
}

// disturb takes one rank after the other away, and gives it back.
func disturb(ctx context.Context, t *testing.T, r *route.Router) {
	rng := rand.New(rand.NewPCG(3, 3))
	for ctx.Err() == nil {
		k := r.Ranks()[rng.IntN(8)]
		switch rng.IntN(3) {
		case 0:
			assert.NoError(t, r.Fail(k.ID))
			assert.NoError(t, r.Open(k.ID))
		case 1:
			assert.NoError(t, r.Drain(k.ID))
			assert.NoError(t, r.Open(k.ID))
		case 2:
			assert.NoError(t, r.RemoveRank(k.ID))
			assert.NoError(t, r.AddRank(k.Rank))
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// TestWaitCancelled sees that those that wait can give up: a rollout that waits
// for its first lease is forgotten, one that waits for its next may ask again.
func TestWaitCancelled(t *testing.T) {
	r, err := route.New(route.Config{}, route.Rank{ID: "a", Capacity: 1000})
	require.NoError(t, err)
	ctx := t.Context()
	first, err := r.Place(ctx, route.Rollout{ID: "first", Tokens: 800})
	require.NoError(t, err)
	short, stop := context.WithTimeout(ctx, time.Millisecond)
	defer stop()
	_, err = r.Place(short, route.Rollout{ID: "second", Tokens: 800})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, route.Level{Leases: 1, Running: 1}, r.Level())
	_, err = r.Place(short, route.Rollout{ID: "second", Tokens: 800})
	require.ErrorIs(t, err, context.DeadlineExceeded)

	require.NoError(t, r.Grow(first, 900))
	require.NoError(t, r.Park("first"))
	_, err = r.Place(ctx, route.Rollout{ID: "second", Tokens: 800})
	require.NoError(t, err)
	short, stop = context.WithTimeout(ctx, time.Millisecond)
	defer stop()
	_, err = r.Next(short, "first")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, route.Level{Leases: 1, Running: 1, Parked: 1}, r.Level())

	granted := make(chan error)
	go func() {
		_, err := r.Next(ctx, "first")
		granted <- err
	}()
	for r.Level().Resume == 0 {
		time.Sleep(time.Millisecond)
	}
	_, err = r.Next(ctx, "first")
	require.ErrorIs(t, err, route.ErrBusy)
	require.NoError(t, r.Finish("second"))
	require.NoError(t, <-granted)

	go func() {
		_, err := r.Place(ctx, route.Rollout{ID: "third", Tokens: 800})
		granted <- err
	}()
	for r.Level().Waiting == 0 {
		time.Sleep(time.Millisecond)
	}
	require.NoError(t, r.Finish("third"))
	require.ErrorIs(t, <-granted, route.ErrRollout)
}

// TestHeadGivesUp sees that who waits behind a rollout that gives up is served at
// once if there is room.
func TestHeadGivesUp(t *testing.T) {
	r, err := route.New(route.Config{}, route.Rank{ID: "a", Capacity: 1000})
	require.NoError(t, err)
	_, err = r.Place(t.Context(), route.Rollout{ID: "first", Tokens: 500})
	require.NoError(t, err)
	ctx, giveUp := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	go func() {
		_, err := r.Place(ctx, route.Rollout{ID: "large", Tokens: 800})
		gaveUp <- err
	}()
	for r.Level().Waiting == 0 {
		time.Sleep(time.Millisecond)
	}
	granted := false
	require.NoError(t, r.PlaceFunc(route.Rollout{ID: "small", Tokens: 100}, func(l route.Lease, err error) {
		granted = err == nil
	}))
	require.False(t, granted)
	giveUp()
	require.ErrorIs(t, <-gaveUp, context.Canceled)
	require.True(t, granted)
}

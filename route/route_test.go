package route_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/route"
)

func ranks(n int, capacity int64) []route.Rank {
	all := make([]route.Rank, n)
	for i := range all {
		all[i] = route.Rank{ID: fmt.Sprint("rank", i), Capacity: capacity}
	}
	return all
}

func TestConfigErrors(t *testing.T) {
	for name, c := range map[string]route.Config{
		"policy":   {Policy: 99},
		"admit":    {Admit: 1.5},
		"nan":      {Admit: math.NaN()},
		"resume":   {Admit: 0.8, Resume: 0.7},
		"park":     {ParkBelow: 2},
		"siblings": {MaxSiblings: -1},
		"ttl":      {IdleTTL: -time.Second},
	} {
		_, err := route.New(c)
		assert.ErrorIs(t, err, route.ErrConfig, name)
	}
	for name, k := range map[string]route.Rank{
		"id":       {Capacity: 1},
		"capacity": {ID: "a"},
		"huge":     {ID: "a", Capacity: math.MaxInt64},
		"speed":    {ID: "a", Capacity: 1, Speed: math.NaN()},
		"live":     {ID: "a", Capacity: 1, MaxLive: -1},
	} {
		_, err := route.New(route.Config{}, k)
		assert.ErrorIs(t, err, route.ErrConfig, name)
	}
	_, err := route.New(route.Config{}, route.Rank{ID: "a", Capacity: 1}, route.Rank{ID: "a", Capacity: 1})
	assert.ErrorIs(t, err, route.ErrRank)
}

func TestRolloutErrors(t *testing.T) {
	r, err := route.New(route.Config{}, ranks(2, 1000)...)
	require.NoError(t, err)
	ctx := t.Context()
	for name, o := range map[string]route.Rollout{
		"id":      {Tokens: 1},
		"tokens":  {ID: "a", Tokens: -1},
		"huge":    {ID: "a", Tokens: math.MaxInt64},
		"shared":  {ID: "a", Group: "g", Shared: 2, Tokens: 1},
		"nogroup": {ID: "a", Shared: 1, Tokens: 1},
	} {
		_, err := r.Place(ctx, o)
		assert.ErrorIs(t, err, route.ErrConfig, name)
	}
	l, err := r.Place(ctx, route.Rollout{ID: "a", Group: "g", Shared: 5, Tokens: 10})
	require.NoError(t, err)
	assert.True(t, l.Moved)
	_, err = r.Place(ctx, route.Rollout{ID: "b", Group: "g", Shared: 6, Tokens: 10})
	assert.ErrorIs(t, err, route.ErrConfig)
	_, err = r.Place(ctx, route.Rollout{ID: "a", Tokens: 10})
	assert.ErrorIs(t, err, route.ErrBusy)
	_, err = r.Next(ctx, "a")
	assert.ErrorIs(t, err, route.ErrBusy)
	_, err = r.Next(ctx, "b")
	assert.ErrorIs(t, err, route.ErrRollout)
	assert.ErrorIs(t, r.Park("a"), route.ErrBusy)
	assert.ErrorIs(t, r.Grow(l, -1), route.ErrConfig)
	assert.NoError(t, r.Grow(l, 12))
	assert.ErrorIs(t, r.Grow(l, 14), route.ErrLease)
	assert.ErrorIs(t, r.Cancel(l), route.ErrLease)
	assert.ErrorIs(t, r.Finish("b"), route.ErrRollout)
	assert.ErrorIs(t, r.Resize("x", 1), route.ErrRank)
	assert.ErrorIs(t, r.Resize("rank0", 0), route.ErrConfig)
}

// TestFailure sees that a rank's failure moves its rollouts and no others, and
// that what it answers later is refused.
func TestFailure(t *testing.T) {
	r, err := route.New(route.Config{}, ranks(4, 10_000)...)
	require.NoError(t, err)
	ctx := t.Context()
	leases := map[string]route.Lease{}
	for i := range 20 {
		l, err := r.Place(ctx, route.Rollout{ID: fmt.Sprint(i), Tokens: 1000})
		require.NoError(t, err)
		leases[l.Rollout] = l
	}
	for _, k := range r.Ranks() {
		assert.Equal(t, 5, k.Leases)
	}
	require.NoError(t, r.Fail("rank2"))
	require.NoError(t, r.AddRank(route.Rank{ID: "new", Capacity: 10_000}))
	for id, l := range leases {
		if l.Rank == "rank2" {
			require.ErrorIs(t, r.Grow(l, 2000), route.ErrLease)
		} else {
			require.NoError(t, r.Grow(l, 1100))
		}
		next, err := r.Next(ctx, id)
		require.NoError(t, err)
		assert.Equal(t, l.Rank == "rank2", next.Moved)
		if l.Rank != "rank2" {
			assert.Equal(t, l.Rank, next.Rank)
		}
	}
	for _, k := range r.Ranks() {
		if k.ID == "new" {
			assert.Equal(t, 5, k.Leases)
		}
	}
}

// TestPrompts sees that siblings come together, counted once, but not all.
func TestPrompts(t *testing.T) {
	r, err := route.New(route.Config{MaxSiblings: 3}, ranks(4, 100_000)...)
	require.NoError(t, err)
	for i := range 8 {
		_, err := r.Place(t.Context(), route.Rollout{ID: fmt.Sprint(i), Group: "g", Shared: 8000, Tokens: 8100})
		require.NoError(t, err)
	}
	counts := map[int]int{}
	for _, k := range r.Ranks() {
		counts[k.Leases]++
		if k.Leases > 0 {
			assert.Equal(t, 8000+100*int64(k.Leases), k.Tokens)
		}
	}
	assert.Equal(t, map[int]int{3: 2, 2: 1, 0: 1}, counts)
}

// TestTies sees that equals are chosen equally often.
func TestTies(t *testing.T) {
	for _, p := range []route.Policy{route.KVLease, route.FewestTokens, route.FewestRollouts, route.LeastLoaded, route.PowerOfTwo, route.Random} {
		r, err := route.New(route.Config{Policy: p, Seed: 1}, ranks(8, 1000)...)
		require.NoError(t, err)
		counts := map[string]int{}
		for i := range 8000 {
			l, err := r.Place(t.Context(), route.Rollout{ID: fmt.Sprint(i), Tokens: 1})
			require.NoError(t, err)
			counts[l.Rank]++
			require.NoError(t, r.Finish(l.Rollout))
		}
		for rank, n := range counts {
			assert.InDelta(t, 1000, n, 150, "%v, %s", p, rank)
		}
	}
}

// TestHashing sees that a rank that comes takes its share and nothing else moves.
func TestHashing(t *testing.T) {
	place := func(n int) map[string]string {
		r, err := route.New(route.Config{Policy: route.ConsistentHash}, ranks(n, 1000)...)
		require.NoError(t, err)
		at := map[string]string{}
		for i := range 4000 {
			l, err := r.Place(t.Context(), route.Rollout{ID: fmt.Sprint("rollout-", i)})
			require.NoError(t, err)
			at[l.Rollout] = l.Rank
		}
		return at
	}
	before, after := place(16), place(17)
	moved := 0
	for id, rank := range after {
		if rank != before[id] {
			assert.Equal(t, "rank16", rank)
			moved++
		}
	}
	assert.InDelta(t, 4000/17, moved, 80)
}

func TestPolicyText(t *testing.T) {
	for _, p := range route.Policies() {
		text, err := json.Marshal(p)
		require.NoError(t, err)
		var back route.Policy
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, p, back)
	}
	var p route.Policy
	assert.ErrorIs(t, p.UnmarshalText([]byte("x")), route.ErrConfig)
	_, err := route.Policy(99).MarshalText()
	assert.ErrorIs(t, err, route.ErrConfig)
	assert.Equal(t, "Policy(99)", route.Policy(99).String())
}

func TestRestoreErrors(t *testing.T) {
	r, err := route.New(route.Config{}, route.Rank{ID: "a", Capacity: 1000, MaxLive: 1})
	require.NoError(t, err)
	l, err := r.Place(t.Context(), route.Rollout{ID: "x", Tokens: 10})
	require.NoError(t, err)
	_, err = route.Restore(r.Save(), nil)
	require.NoError(t, err)
	for name, spoil := range map[string]func(*route.State){
		"turn":      func(s *route.State) { s.Turn = 0 },
		"negative":  func(s *route.State) { s.Next = -1 },
		"epoch":     func(s *route.State) { s.Epoch = 0 },
		"state":     func(s *route.State) { s.Ranks[0].State = 9 },
		"down":      func(s *route.State) { s.Ranks[0].State = route.Down },
		"unknown":   func(s *route.State) { s.Rollouts[0].Rank = "b" },
		"context":   func(s *route.State) { s.Rollouts[0].Context = -1 },
		"no id":     func(s *route.State) { s.Rollouts[0].ID = "" },
		"counts":    func(s *route.State) { s.Stats.Placed++ },
		"random":    func(s *route.State) { s.Random = nil },
		"duplicate": func(s *route.State) { duplicate(s, "x") },
		"crowded":   func(s *route.State) { duplicate(s, "y") },
	} {
		s := r.Save()
		spoil(&s)
		_, err := route.Restore(s, nil)
		assert.ErrorIs(t, err, route.ErrState, name)
	}
	r2, err := route.Restore(r.Save(), nil)
	require.NoError(t, err)
	assert.ErrorIs(t, r2.Grow(l, 20), route.ErrLease)
	next, err := r2.Next(t.Context(), "x")
	require.NoError(t, err)
	assert.False(t, next.Moved)
}

func duplicate(s *route.State, id string) {
	o := s.Rollouts[0]
	o.ID = id
	s.Turn++
	o.Turn = s.Turn
	s.Rollouts = append(s.Rollouts, o)
	s.Stats.Placed++
}

func TestNextAllocatesNothing(t *testing.T) {
	for _, p := range route.Policies() {
		r, err := route.New(route.Config{Policy: p, IdleTTL: time.Hour}, ranks(16, 1e6)...)
		require.NoError(t, err)
		ctx := t.Context()
		for i := range 100 {
			l, err := r.Place(ctx, route.Rollout{ID: fmt.Sprint(i), Tokens: 100})
			require.NoError(t, err)
			require.NoError(t, r.Grow(l, 200))
		}
		assert.Zero(t, testing.AllocsPerRun(300, func() {
			l, _ := r.Next(ctx, "7")
			_ = r.Grow(l, 200)
		}), p)
	}
}

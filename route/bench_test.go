package route_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/route"
)

const million = 1_000_000

// fill returns a router with a million rollouts on some ranks, and their IDs.
func fill(b *testing.B, p route.Policy, n int) (*route.Router, []string) {
	r, err := route.New(route.Config{Policy: p}, ranks(n, 60_000*million/int64(n))...)
	require.NoError(b, err)
	ids := make([]string, million)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range ids {
		ids[i] = "rollout-" + strconv.Itoa(i)
		o := route.Rollout{ID: ids[i], Group: "group-" + strconv.Itoa(i/8), Shared: 8000, Tokens: 8000 + rng.Int64N(60_000)}
		l, err := r.Place(b.Context(), o)
		require.NoError(b, err)
		require.NoError(b, r.Grow(l, o.Tokens+1000))
	}
	return r, ids
}

// BenchmarkMillion measures a turn, Next and Grow, and a whole rollout, Place,
// Grow and Finish, while a million others have leases.
func BenchmarkMillion(b *testing.B) {
	for _, p := range []route.Policy{route.KVLease, route.FewestRollouts, route.BoundedHash, route.CacheAware} {
		for _, n := range []int{16, 256} {
			if p != route.KVLease && n != 16 {
				continue
			}
			r, ids := fill(b, p, n)
			name := fmt.Sprintf("/policy=%v/ranks=%d", p, n)
			b.Run("turn"+name, func(b *testing.B) {
				b.ReportAllocs()
				rng := rand.New(rand.NewPCG(2, 2))
				for b.Loop() {
					turn(b, r, ids[rng.IntN(len(ids))], rng)
				}
			})
			b.Run("parallel"+name, func(b *testing.B) {
				var next atomic.Int64
				b.RunParallel(func(pb *testing.PB) {
					rng := rand.New(rand.NewPCG(3, uint64(next.Load())))
					for pb.Next() { // no two goroutines have the same rollout
						turn(b, r, ids[next.Add(7919)%million], rng)
					}
				})
			})
			b.Run("rollout"+name, func(b *testing.B) {
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					i++
					o := route.Rollout{ID: "new", Group: "group-" + strconv.Itoa(i%100_000), Shared: 8000, Tokens: 9000}
					l, err := r.Place(b.Context(), o)
					if err != nil {
						b.Fatal(err)
					}
					_ = r.Grow(l, 10_000)
					_ = r.Finish("new")
				}
			})
		}
	}
}

func turn(b *testing.B, r *route.Router, id string, rng *rand.Rand) {
	l, err := r.Next(b.Context(), id)
	if err != nil {
		b.Fatal(err)
	}
	if err := r.Grow(l, 8000+rng.Int64N(60_000)); err != nil {
		b.Fatal(err)
	}
}

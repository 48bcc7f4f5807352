package route

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHeap changes ranks at random, and compares searches with a look at each.
func TestHeap(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	r, err := New(Config{Admit: 0.7, Resume: 0.9})
	require.NoError(t, err)
	for i := range 50 {
		require.NoError(t, r.AddRank(Rank{ID: string(rune('A' + i)), Capacity: 1000 + rng.Int64N(9000), MaxLive: 1}))
	}
	for range 20_000 {
		k := r.ranks[rng.IntN(len(r.ranks))]
		k.tokens = rng.Int64N(k.Capacity)
		k.leases.n = rng.IntN(3) - 1 // takes another, or does not
		if k.leases.n < 0 {
			k.leases.n, k.tokens = 0, 0
		} else {
			k.leases.n, k.MaxLive = 1, 1+k.leases.n
		}
		r.refresh(k)
		for i, k := range r.heap {
			require.Equal(t, i, k.place)
			require.False(t, i > 0 && r.heap.less(i, (i-1)/2))
		}
		tokens, placed := rng.Int64N(5000), rng.IntN(2) == 0
		var want *rank
		for _, k := range r.heap {
			if k.fits(tokens, placed) {
				want = r.heap.lesser(want, k)
			}
		}
		require.Same(t, want, r.search(0, nil, placed, tokens))
	}
}

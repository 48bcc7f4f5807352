package route_test

import (
	"context"
	"fmt"

	"github.com/trueup-rl/trueup/route"
)

func Example() {
	ctx := context.Background()
	r, err := route.New(route.Config{Seed: 1},
		route.Rank{ID: "engine-0", Capacity: 1 << 20},
		route.Rank{ID: "engine-1", Capacity: 1 << 20})
	if err != nil {
		panic(err)
	}
	// Eight samples of one prompt of 8,000 tokens, four on each rank.
	var leases []route.Lease
	for i := range 8 {
		l, err := r.Place(ctx, route.Rollout{ID: fmt.Sprint("sample-", i), Group: "prompt", Shared: 8000, Tokens: 8000})
		if err != nil {
			panic(err)
		}
		leases = append(leases, l)
	}
	for _, l := range leases {
		if err := r.Grow(l, 8950); err != nil { // 250 sampled, 700 from the environment
			panic(err)
		}
	}
	for _, k := range r.Ranks() {
		fmt.Println(k.ID, k.Leases, "rollouts,", k.Tokens, "tokens")
	}
	next, err := r.Next(ctx, "sample-3")
	fmt.Println(next.Rank == leases[3].Rank, next.Moved, err)

	// Output:
	// engine-0 4 rollouts, 11800 tokens
	// engine-1 4 rollouts, 11800 tokens
	// true false <nil>
}

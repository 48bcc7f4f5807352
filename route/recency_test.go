package route

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRecency compares it with a list of all uses, the last one first.
func TestRecency(t *testing.T) {
	const capacity = 3000
	type use struct {
		user   *rollout
		tokens int64
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var c recency
	var uses []use
	evicted := map[*rollout]bool{} // at some time since its last use
	users := make([]*rollout, 30)
	for i := range users {
		users[i] = &rollout{slot: -1}
	}
	for range 20_000 {
		s := users[rng.IntN(len(users))]
		i := slices.IndexFunc(uses, func(u use) bool { return u.user == s })
		switch tokens := rng.Int64N(300); {
		case rng.IntN(10) > 0:
			if i >= 0 {
				uses = slices.Delete(uses, i, i+1)
			}
			uses = slices.Insert(uses, 0, use{s, tokens})
			c.use(s, tokens, capacity)
			delete(evicted, s)
		case i >= 0:
			uses[i] = use{nil, tokens}
			c.leave(s, tokens)
		}
		since := int64(0)
		for _, u := range uses {
			if since > capacity && u.user != nil {
				evicted[u.user] = true
			}
			switch {
			case u.user == nil:
			case u.user.slot < 0:
				require.True(t, evicted[u.user])
			default:
				require.Equal(t, since, c.since(u.user))
			}
			since += u.tokens
		}
		if len(uses) > 500 {
			uses = uses[:500]
		}
	}
}

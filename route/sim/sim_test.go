package sim_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/route"
	"github.com/trueup-rl/trueup/route/sim"
)

func run(t *testing.T, c sim.Config) sim.Result {
	r, err := sim.Run(c)
	require.NoError(t, err)
	return r
}

// TestAlone checks a single rollout at a time against the sum of its parts.
func TestAlone(t *testing.T) {
	c := sim.Default()
	c.Ranks, c.Live, c.Group, c.Warmup, c.Rollouts = 1, 1, 1, 3, 10
	c.Turns, c.Env = sim.LogNormal{Mean: 20}, sim.LogNormal{Mean: 3}
	r := run(t, c)
	seconds, context := 0.0, float64(c.Prompt)
	sent, fresh := 0.0, float64(c.Prompt)
	for turn := range 20 {
		missing := float64(c.Input)
		if turn == 0 {
			missing = float64(c.Prompt)
		} else {
			fresh += missing
			seconds += 3
		}
		sent += context
		output := float64(c.Output)
		seconds += missing/c.PrefillRate + output*(c.StepSeconds+c.RequestSeconds+c.ContextSeconds*(context+output/2))
		context += output + float64(c.Input)
	}
	assert.InEpsilon(t, seconds, r.P50, 1e-9)
	assert.InEpsilon(t, seconds, r.P95, 1e-9)
	assert.InEpsilon(t, seconds*10, r.Seconds, 1e-9)
	assert.InEpsilon(t, 20*float64(c.Output)/seconds, r.TokensPerSecond, 1e-9)
	assert.InEpsilon(t, 1-fresh/sent, r.HitRate, 1e-9)
	assert.Equal(t, r.BestHitRate, r.HitRate)
	assert.Zero(t, r.Recomputed)
	assert.Zero(t, r.Moved)
	assert.Equal(t, 1.0, r.LiveSpread)
}

// TestSame sees that a run depends on its configuration alone.
func TestSame(t *testing.T) {
	c := small(route.KVLease, 1_000_000)
	first := run(t, c)
	assert.Equal(t, first, run(t, c))
	c.Route.Seed++
	assert.NotEqual(t, first, run(t, c))
}

// small is the default fleet with fewer ranks.
func small(p route.Policy, capacity int64) sim.Config {
	c := sim.Default()
	c.Ranks, c.Warmup, c.Rollouts = 4, 128, 400
	c.Route.Policy, c.Capacity = p, capacity
	return c
}

// TestCliffs sees that the policies come in their order: with room to spare it
// matters only that rollouts keep their ranks, and without it only that tokens
// have a budget.
func TestCliffs(t *testing.T) {
	all := func(capacity int64, policies ...route.Policy) map[route.Policy]sim.Result {
		results := map[route.Policy]sim.Result{}
		for _, p := range policies {
			r := run(t, small(p, capacity))
			t.Logf("%v tokens, %v: %.0f tokens/s, hit rate %.3f, recomputed %.2f, spread %.2f, %.2f",
				capacity, p, r.TokensPerSecond, r.HitRate, r.Recomputed, r.LiveSpread, r.TokenSpread)
			results[p] = r
		}
		return results
	}

	ample := all(2_400_000, route.KVLease, route.FewestTokens, route.FewestRollouts, route.CacheAware, route.RoundRobin, route.Random)
	lease := ample[route.KVLease]
	assert.Greater(t, lease.HitRate, 0.975)
	for _, p := range []route.Policy{route.FewestTokens, route.FewestRollouts, route.CacheAware} {
		assert.InEpsilon(t, lease.TokensPerSecond, ample[p].TokensPerSecond, 0.07, p)
		assert.Less(t, lease.TokenSpread, ample[p].TokenSpread+0.02, p)
	}
	for _, p := range []route.Policy{route.RoundRobin, route.Random} {
		assert.Greater(t, lease.TokensPerSecond, 2*ample[p].TokensPerSecond, p)
	}

	mild := all(1_600_000, route.KVLease, route.BoundedHash, route.ConsistentHash, route.PowerOfTwo, route.RoundRobin)
	lease = mild[route.KVLease]
	assert.Greater(t, lease.HitRate, 0.97)
	assert.Greater(t, lease.TokensPerSecond, mild[route.BoundedHash].TokensPerSecond)
	assert.Greater(t, mild[route.BoundedHash].TokensPerSecond, mild[route.RoundRobin].TokensPerSecond)
	assert.Greater(t, mild[route.ConsistentHash].TokensPerSecond, mild[route.RoundRobin].TokensPerSecond)
	assert.Greater(t, lease.TokensPerSecond, 4*mild[route.RoundRobin].TokensPerSecond)
	assert.Greater(t, lease.TokensPerSecond, 4*mild[route.PowerOfTwo].TokensPerSecond)

	tight := all(1_200_000, route.KVLease, route.FewestTokens, route.FewestRollouts, route.CacheAware)
	lease = tight[route.KVLease]
	assert.Greater(t, lease.HitRate, 0.97)
	assert.Greater(t, lease.TokensPerSecond, 1.2*tight[route.FewestTokens].TokensPerSecond)
	assert.Greater(t, lease.TokensPerSecond, 1.2*tight[route.CacheAware].TokensPerSecond)
	assert.Greater(t, lease.TokensPerSecond, 2*tight[route.FewestRollouts].TokensPerSecond)
	assert.Less(t, tight[route.FewestRollouts].HitRate, 0.8)

	short := all(800_000, route.KVLease, route.FewestTokens, route.FewestRollouts, route.CacheAware)
	lease = short[route.KVLease]
	assert.Greater(t, lease.HitRate, 0.97)
	for _, p := range []route.Policy{route.FewestTokens, route.FewestRollouts, route.CacheAware} {
		assert.Greater(t, lease.TokensPerSecond, 3*short[p].TokensPerSecond, p)
		assert.Less(t, short[p].HitRate, 0.4, p)
	}
}

// TestReference compares the whole fleet with a simulation written independently:
// output tokens a second and rank, and hit rates.
func TestReference(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 s")
	}
	for _, want := range []struct {
		policy      route.Policy
		capacity    int64
		tokens, hit float64
	}{
		{route.KVLease, 1_600_000, 901, 0.981},
		{route.CacheAware, 1_600_000, 910, 0.982},
		{route.FewestRollouts, 1_600_000, 893, 0.978},
		{route.FewestTokens, 1_600_000, 900, 0.980},
		{route.LeastLoaded, 1_600_000, 133, 0.140},
		{route.PowerOfTwo, 1_600_000, 131, 0.142},
		{route.RoundRobin, 1_600_000, 122, 0.110},
		{route.Random, 1_600_000, 114, 0.107},
		{route.KVLease, 1_200_000, 762, 0.981},
		{route.KVLease, 800_000, 545, 0.980},
		{route.FewestRollouts, 800_000, 118, 0.046},
		{route.ConsistentHash, 800_000, 119, 0.383},
	} {
		c := sim.Default()
		c.Route.Policy, c.Capacity = want.policy, want.capacity
		r := run(t, c)
		assert.InEpsilon(t, want.tokens, r.TokensPerSecond, 0.25, "%v, %d", want.policy, want.capacity)
		assert.InDelta(t, want.hit, r.HitRate, 0.15, "%v, %d", want.policy, want.capacity)
	}
}

func TestConfigErrors(t *testing.T) {
	for name, spoil := range map[string]func(*sim.Config){
		"ranks":    func(c *sim.Config) { c.Ranks = 0 },
		"capacity": func(c *sim.Config) { c.Capacity = 0 },
		"live":     func(c *sim.Config) { c.Live = 0 },
		"reserve":  func(c *sim.Config) { c.Reserve = -1 },
		"group":    func(c *sim.Config) { c.Group = 0 },
		"output":   func(c *sim.Config) { c.Output = 0 },
		"turns":    func(c *sim.Config) { c.MaxTurns = 1 },
		"mean":     func(c *sim.Config) { c.Turns.Mean = math.NaN() },
		"cv":       func(c *sim.Config) { c.Env.CV = math.Inf(1) },
		"step":     func(c *sim.Config) { c.StepSeconds = 0 },
		"rollouts": func(c *sim.Config) { c.Rollouts = 0 },
	} {
		c := sim.Default()
		spoil(&c)
		_, err := sim.Run(c)
		assert.ErrorIs(t, err, sim.ErrConfig, name)
	}
	c := sim.Default()
	c.Route.Admit = 2
	_, err := sim.Run(c)
	assert.ErrorIs(t, err, route.ErrConfig)
}

func TestCompare(t *testing.T) {
	c := small(route.KVLease, 0)
	c.Warmup, c.Rollouts = 20, 50
	policies := []route.Policy{route.RoundRobin, route.KVLease}
	got, err := sim.Compare(c, []int64{1_600_000, 800_000}, policies, 2)
	require.NoError(t, err)
	require.Len(t, got, 4)
	for i, r := range got {
		c.Capacity = 1_600_000 >> (i / 2)
		c.Route.Policy = policies[i%2]
		c.Route.Seed = 0
		first := run(t, c)
		c.Route.Seed = 1
		second := run(t, c)
		assert.Equal(t, c.Route.Policy, r.Policy)
		assert.Equal(t, c.Capacity, r.Capacity)
		assert.InEpsilon(t, (first.TokensPerSecond+second.TokensPerSecond)/2, r.TokensPerSecond, 1e-12)
		assert.InEpsilon(t, (first.P95+second.P95)/2, r.P95, 1e-12)
	}
	_, err = sim.Compare(c, []int64{0}, policies, 1)
	assert.ErrorIs(t, err, sim.ErrConfig)
	_, err = sim.Compare(c, []int64{1}, policies, 0)
	assert.ErrorIs(t, err, sim.ErrConfig)
}

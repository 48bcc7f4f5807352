package route

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

var (
	// ErrConfig is wrapped by the error for a configuration, a rank or a rollout
	// that makes no sense.
	ErrConfig = errors.New("route: invalid configuration")
	// ErrRank is wrapped by the error for a rank that is not there, or there
	// already.
	ErrRank = errors.New("route: no such rank")
	// ErrRollout is wrapped by the error for a rollout that is not there: it never
	// was, or is finished, or was idle for too long.
	ErrRollout = errors.New("route: no such rollout")
	// ErrBusy is wrapped by the error for a rollout that is there already, has a
	// turn under way or waits for one.
	ErrBusy = errors.New("route: rollout is busy")
	// ErrLease is wrapped by the error for a lease that is over: its turn has
	// ended, or its rank failed meanwhile.
	ErrLease = errors.New("route: lease is over")
)

// Policy is a way of choosing ranks. Those that name a rollout choose once, and
// again only when its rank is lost; the others choose for each turn.
type Policy uint8

const (
	// KVLease is what the package comment describes.
	KVLease Policy = iota
	// FewestTokens gives a rollout the rank with the least K/C.
	FewestTokens
	// FewestRollouts gives a rollout the rank with the fewest rollouts.
	FewestRollouts
	// BoundedHash gives a rollout the first rank clockwise of its ID on a ring of
	// hashes that has fewer than 1.25 times the mean number of rollouts.
	BoundedHash
	// ConsistentHash takes the first rank clockwise of the rollout's ID on a ring.
	ConsistentHash
	// PrefixHash takes the first rank clockwise of the rollout's group on a ring,
	// of its ID if it has no group.
	PrefixHash
	// CacheAware takes the rank that holds the longest prefix if that is more than
	// half of the context, and the one with the fewest turns under way if it is
	// not, or if ranks differ by more than 32 turns and by half.
	CacheAware
	// LeastLoaded takes the rank with the fewest turns under way.
	LeastLoaded
	// PowerOfTwo takes the less loaded of two ranks drawn at random.
	PowerOfTwo
	// RoundRobin takes ranks in turn.
	RoundRobin
	// Random takes any rank.
	Random
)

var policyNames = []string{
	"kv-lease", "fewest-tokens", "fewest-rollouts", "bounded-hash", "consistent-hash",
	"prefix-hash", "cache-aware", "least-loaded", "power-of-two", "round-robin", "random",
}

// Policies returns all policies.
func Policies() []Policy {
	all := make([]Policy, len(policyNames))
	for i := range all {
		all[i] = Policy(i)
	}
	return all
}

// sticky reports whether a rollout keeps its rank as long as it can.
func (p Policy) sticky() bool { return p <= BoundedHash }

// hashes reports whether the policy needs a ring.
func (p Policy) hashes() bool { return p == BoundedHash || p == ConsistentHash || p == PrefixHash }

// String returns the policy's name in lower case.
func (p Policy) String() string {
	if int(p) < len(policyNames) {
		return policyNames[p]
	}
	return fmt.Sprintf("Policy(%d)", uint8(p))
}

// MarshalText returns the policy's name.
func (p Policy) MarshalText() ([]byte, error) {
	if int(p) >= len(policyNames) {
		return nil, fmt.Errorf("%w: unknown %v", ErrConfig, p)
	}
	return []byte(policyNames[p]), nil
}

// UnmarshalText accepts a policy's name.
func (p *Policy) UnmarshalText(text []byte) error {
	i := slices.Index(policyNames, string(text))
	if i < 0 {
		return fmt.Errorf("%w: unknown policy %q", ErrConfig, text)
	}
	*p = Policy(i)
	return nil
}

// Config says how a router behaves. All fields have a meaning when they are 0.
type Config struct {
	Policy Policy
	Seed   uint64 // of choices between equals
	// Admit and Resume are the fractions of a rank's capacity up to which KVLease
	// lets in new and parked rollouts; 0 is 0.85, and 0.1 above Admit but at most 1.
	Admit, Resume float64
	// ParkBelow is the fraction of a prefix; a rollout parks when it has less left
	// on a rank that is too full. 0 is 0.5, and none parks if it is negative.
	ParkBelow float64
	// MaxSiblings is how many rollouts of a group may come to a rank for the sake
	// of their prompt; 0 is 4.
	MaxSiblings int
	// IdleTTL is how long a rollout may be without a turn before Expire ends it; 0
	// is for ever.
	IdleTTL time.Duration
	// Now is the clock of IdleTTL, time.Now if nil.
	Now Clock `json:"-"`
}

// Clock tells the time.
type Clock func() time.Time

// Check returns an error that names the field that makes no sense, and wraps
// ErrConfig.
func (c Config) Check() error {
	c.setDefaults()
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...)
	}
	switch {
	case int(c.Policy) >= len(policyNames):
		return bad("unknown %v", c.Policy)
	case !(c.Admit > 0 && c.Admit <= 1):
		return bad("Admit is %v, not between 0 and 1", c.Admit)
	case !(c.Resume >= c.Admit && c.Resume <= 1):
		return bad("Resume is %v, not between Admit, %v, and 1", c.Resume, c.Admit)
	case !(c.ParkBelow <= 1):
		return bad("ParkBelow is %v, not below 1", c.ParkBelow)
	case c.MaxSiblings < 0:
		return bad("MaxSiblings is %d", c.MaxSiblings)
	case c.IdleTTL < 0:
		return bad("IdleTTL is %v", c.IdleTTL)
	}
	return nil
}

func (c *Config) setDefaults() {
	if c.Admit == 0 {
		c.Admit = 0.85
	}
	if c.Resume == 0 {
		c.Resume = min(1, c.Admit+0.1)
	}
	if c.ParkBelow == 0 {
		c.ParkBelow = 0.5
	}
	if c.MaxSiblings == 0 {
		c.MaxSiblings = 4
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// Rank is a place where turns are sampled: an engine, or one data-parallel rank of
// it.
type Rank struct {
	ID       string
	Capacity int64   // of its KV cache, in tokens
	Speed    float64 // relative to other ranks, for policies that count; 0 is 1
	MaxLive  int     // rollouts that may have a lease at a time; 0 is no bound
}

// mostTokens bounds capacities and contexts, so that no sum of them overflows.
const mostTokens = 1 << 40

func (k *Rank) check() error {
	switch {
	case k.ID == "":
		return fmt.Errorf("%w: a rank without ID", ErrConfig)
	case k.Capacity < 1 || k.Capacity > mostTokens:
		return fmt.Errorf("%w: Capacity of rank %q is %d, not between 1 and 2⁴⁰", ErrConfig, k.ID, k.Capacity)
	case !(k.Speed >= 0 && k.Speed <= 1e9):
		return fmt.Errorf("%w: Speed of rank %q is %v", ErrConfig, k.ID, k.Speed)
	case k.MaxLive < 0:
		return fmt.Errorf("%w: MaxLive of rank %q is %d", ErrConfig, k.ID, k.MaxLive)
	}
	return nil
}

// Rollout is one that asks for its first turn.
type Rollout struct {
	ID     string
	Group  string // of rollouts with the same prompt; "" is none
	Shared int64  // tokens of that prompt, counted once a rank
	Tokens int64  // of its context, Shared included
	// Reserve is the tokens that it counts as while it has fewer. Rollouts that
	// are new are small, and too many of them go where one large one ended,
	// unless they count as what they are to become, on average.
	Reserve int64
}

func (o *Rollout) check() error {
	switch {
	case o.ID == "":
		return fmt.Errorf("%w: a rollout without ID", ErrConfig)
	case o.Tokens < 0 || o.Tokens > mostTokens:
		return fmt.Errorf("%w: Tokens of rollout %q is %d, not between 0 and 2⁴⁰", ErrConfig, o.ID, o.Tokens)
	case o.Reserve < 0 || o.Reserve > mostTokens:
		return fmt.Errorf("%w: Reserve of rollout %q is %d, not between 0 and 2⁴⁰", ErrConfig, o.ID, o.Reserve)
	case o.Shared < 0 || o.Shared > o.Tokens || o.Shared > 0 && o.Group == "":
		return fmt.Errorf("%w: rollout %q of group %q shares %d of %d tokens", ErrConfig, o.ID, o.Group, o.Shared, o.Tokens)
	}
	return nil
}

// Lease is the right to sample one turn of a rollout on a rank.
type Lease struct {
	Rollout string
	Rank    string
	Epoch   int64 // of the rank; another one after each failure
	Turn    int64 // counts all turns of a router
	// Moved says that the rollout's last turn was not there, in this epoch: there
	// is nothing of it in the rank's cache but, maybe, the prompt of its group.
	Moved bool
}

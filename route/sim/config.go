package sim

import (
	"errors"
	"fmt"
	"math"

	"github.com/trueup-rl/trueup/route"
)

// ErrConfig is wrapped by the error for a configuration that makes no sense.
var ErrConfig = errors.New("sim: invalid configuration")

// Config describes a fleet, its rollouts, and how long to watch them. Default
// returns one.
type Config struct {
	Route    route.Config // policy, and seed of all that is random
	Ranks    int
	Capacity int64 // of a rank's cache, in tokens
	Live     int   // rollouts that run or wait to be placed, a rank
	Reserve  int64 // tokens that KVLease counts for a rollout at least

	Group    int   // rollouts that share a prompt
	Prompt   int64 // tokens
	Input    int64 // tokens that the environment adds in a turn
	Output   int64 // tokens sampled in a turn
	Turns    LogNormal
	MinTurns int
	MaxTurns int
	Env      LogNormal // seconds

	StepSeconds    float64 // α
	RequestSeconds float64 // β
	ContextSeconds float64 // γ
	PrefillRate    float64 // tokens a second

	Warmup   int // rollouts to end before measuring
	Rollouts int // rollouts to end while measuring
}

// LogNormal is a distribution by its mean and its standard deviation over that.
type LogNormal struct{ Mean, CV float64 }

// Default returns the fleet of 16 ranks that the package's tests look at: rollouts
// of some 50 turns and 40,000 tokens, 32 a rank, with room for a quarter more.
func Default() Config {
	return Config{
		Ranks: 16, Capacity: 1_600_000, Live: 32, Reserve: 24_000,
		Group: 8, Prompt: 8000, Input: 700, Output: 250,
		Turns: LogNormal{50, 0.8}, MinTurns: 3, MaxTurns: 300, Env: LogNormal{5, 1.5},
		StepSeconds: 0.010, RequestSeconds: 50e-6, ContextSeconds: 4.4e-9, PrefillRate: 20_000,
		Warmup: 512, Rollouts: 1300,
	}
}

// Check returns an error that names the field that makes no sense, and wraps
// ErrConfig or route.ErrConfig.
func (c Config) Check() error {
	const most = 1 << 20
	positive := func(x float64) bool { return x > 0 && x <= math.MaxFloat32 }
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...)
	}
	switch {
	case c.Ranks < 1 || c.Ranks > most:
		return bad("Ranks is %d", c.Ranks)
	case c.Capacity < 1 || c.Capacity > most*most:
		return bad("Capacity is %d", c.Capacity)
	case c.Reserve < 0 || c.Reserve > most*most:
		return bad("Reserve is %d", c.Reserve)
	case c.Live < 1 || c.Live > most:
		return bad("Live is %d", c.Live)
	case c.Group < 1 || c.Group > most:
		return bad("Group is %d", c.Group)
	case min(c.Prompt, c.Input) < 0 || c.Output < 1 || max(c.Prompt, c.Input, c.Output) > 1<<30:
		return bad("Prompt is %d, Input %d, Output %d", c.Prompt, c.Input, c.Output)
	case c.MinTurns < 1 || c.MaxTurns < c.MinTurns || c.MaxTurns > 10_000:
		return bad("MinTurns is %d, MaxTurns %d", c.MinTurns, c.MaxTurns)
	case !positive(c.Turns.Mean) || !positive(c.Env.Mean) || !(c.Turns.CV >= 0 && c.Turns.CV <= 100) || !(c.Env.CV >= 0 && c.Env.CV <= 100):
		return bad("Turns is %v, Env %v", c.Turns, c.Env)
	case !positive(c.StepSeconds) || !(c.RequestSeconds >= 0) || !(c.ContextSeconds >= 0) || !positive(c.PrefillRate):
		return bad("a step takes %v + %vb + %vΣ, PrefillRate is %v", c.StepSeconds, c.RequestSeconds, c.ContextSeconds, c.PrefillRate)
	case c.Warmup < 0 || c.Rollouts < 1:
		return bad("Warmup is %d, Rollouts %d", c.Warmup, c.Rollouts)
	}
	return c.Route.Check()
}

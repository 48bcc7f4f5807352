package loss

import (
	"errors"
	"fmt"
	"reflect"
)

// ErrConfig is wrapped by every error about a configuration.
var ErrConfig = errors.New("loss: bad configuration")

const (
	// MaxLogRatio is the bound that log-ratios are clamped to before they are
	// exponentiated, unless Config.Bound says otherwise: verl, SkyRL and
	// OpenRLHF use it. A log-ratio beyond is constant for differentiation.
	MaxLogRatio = 20
	// MaxBound is the largest Config.Bound, for agreement with projects that do
	// not clamp (NeMo-RL, TRL, prime-rl).
	MaxBound = 80
)

// Config is a loss: what to minimise, against which policy, and how tokens
// become one number. Policy must be set; zero values elsewhere mean Decoupled,
// TokenMean, no reference term, MaxLogRatio and Drop.
type Config struct {
	Policy    Policy
	Mode      Mode
	Aggregate Aggregation
	Reference ReferenceKL
	// Bound is the largest |log-ratio| that is exponentiated; 0 means
	// MaxLogRatio.
	Bound     float64
	NonFinite NonFinite
}

// Mode says which policy the ratio r = e^(current − anchor) of a loss is against.
type Mode uint8

const (
	// Decoupled has three policies: r = π_θ/π_old, and the mismatch π_old/μ is
	// left to Batch.Weight. (Decoupled PPO, arXiv 2110.00641.)
	Decoupled Mode = iota
	// Bypass has two: r = π_θ/μ. A loss with a ratio then refuses weights, which
	// would count the mismatch twice.
	Bypass
	// OnPolicy takes r = 1 with the gradient of π_θ/sg(π_θ), for one update per
	// batch. (NeMo-RL's force_on_policy_ratio.)
	OnPolicy
)

// NonFinite says what becomes of a token in the mask one of whose inputs is NaN
// or infinite. Its coefficient is 0 and it enters no statistic, no row's ratio
// and no loss; it is counted.
type NonFinite uint8

const (
	Drop       NonFinite = iota // the denominators do not count it either
	ZeroWeight                  // the denominators count it
	Refuse                      // an error that names row and token
)

// bound returns the largest log-ratio.
func (c *Config) bound() float64 {
	if c.Bound == 0 {
		return MaxLogRatio
	}
	return c.Bound
}

// Check reports whether the configuration makes sense, naming what does not.
func (c *Config) Check() error {
	switch {
	case c.Policy == nil:
		return fmt.Errorf("%w: no policy loss", ErrConfig)
	case reflect.TypeOf(c.Policy).Kind() == reflect.Pointer:
		return fmt.Errorf("%w: the policy loss is a pointer; give the value", ErrConfig)
	case c.Mode > OnPolicy:
		return fmt.Errorf("%w: unknown Mode %d", ErrConfig, c.Mode)
	case c.NonFinite > Refuse:
		return fmt.Errorf("%w: unknown NonFinite %d", ErrConfig, c.NonFinite)
	case !(c.Bound >= 0 && c.Bound <= MaxBound):
		return fmt.Errorf("%w: bound %v is outside 0…%d", ErrConfig, c.Bound, MaxBound)
	}
	if err := c.Policy.check(); err != nil {
		return fmt.Errorf("%w: %v: %w", ErrConfig, c.Policy, err)
	}
	if err := c.Aggregate.check(); err != nil {
		return err
	}
	return c.Reference.check()
}

// maxParameter bounds the parameters that multiply, so that no product of finite
// input overflows float64.
const maxParameter = 1e12

// isPositive reports whether x is a positive number that may multiply or divide.
func isPositive(x float64) bool { return x >= 1/maxParameter && x <= maxParameter }

// isScale reports whether x is 0 or isPositive.
func isScale(x float64) bool { return x == 0 || isPositive(x) }

// errParameter is what the losses' own checks wrap.
func errParameter(name string, x float64, want string) error {
	return fmt.Errorf("%s is %v, want %s", name, x, want)
}

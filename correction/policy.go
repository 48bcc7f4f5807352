package correction

import (
	"errors"
	"fmt"
	"math"
)

// ErrPolicy is wrapped by every error about a policy.
var ErrPolicy = errors.New("correction: bad policy")

// MaxFilters is the number of filters a policy may have.
const MaxFilters = 8

// Policy says what each token's gradient is worth: a weight, and filters that
// all must let the token pass. The zero value corrects nothing.
type Policy struct {
	Weight    Weight
	Filters   []Filter
	Normalize Normalize
	NonFinite NonFinite
}

// Level is what a ratio or statistic is taken over before a rule looks at it.
type Level uint8

const (
	Token    Level = iota // each token by itself
	Sequence              // the row's sum: of d, the product Πρ
	Mean                  // the row's mean: of d, the geometric mean of ρ
	Maximum               // the row's largest value (filters on K2 and K3)
)

// Rule turns an importance ratio c into a weight.
type Rule uint8

const (
	Unweighted Rule = iota // 1
	// Truncate is truncated importance sampling (TIS), min(c, Hi). (F. Yao et
	// al., "Your efficient RL framework secretly brings you off-policy RL
	// training", 2025.)
	Truncate
	Clip // min(max(c, Lo), Hi), as slime and OpenRLHF have it
	// IcePop is c where Lo ≤ c ≤ Hi and 0 elsewhere; the mask stays as it is.
	// (Ring team, "IcePop", 2025.)
	IcePop
)

// Weight is a rule for the ratio at a level: with d the log-ratio of a token,
//
//	Token     c = e^d
//	Sequence  c = e^Σd     the same for every token of the row
//	Mean      c = e^(Σd/L)
//
// where the exponent is clamped to ±20 first, as verl, slime and SkyRL do. At
// level Token c is within 0.63 ulp of float32 and is compared with bounds rounded
// to float32; the other levels work in float64.
type Weight struct {
	Rule   Rule
	Level  Level
	Lo, Hi float64
}

// Statistic is the quantity that a filter looks at. d is clamped to ±20 before
// it enters, token by token (verl's rule: a row's Σd in a filter and in a
// weight differ when a token lies beyond).
type Statistic uint8

const (
	Ratio Statistic = iota // ρ = e^d; at level Sequence Πρ, at level Mean its geometric mean
	K2                     // d²/2
	K3                     // e^d − 1 − d, an estimate of KL(rollout‖trainer)
)

// Filter keeps the tokens, or at the other levels the rows, for which
// Lo ≤ statistic ≤ Hi. Bounds are inclusive; at level Token they are, on the
// scale of d, rounded to float32. K2 and K3 have no lower bound: Lo is 0.
type Filter struct {
	Statistic Statistic
	Level     Level
	Lo, Hi    float64
}

// Normalize says what weights are divided by, after their rule has been applied.
type Normalize uint8

const (
	// AsIs leaves weights as they are.
	AsIs Normalize = iota
	// BatchMean divides by the mean weight of all valid tokens, at the levels
	// Sequence and Mean by the mean over rows; filters do not enter. A mean of
	// 1e-8 or less leaves the weights alone. (verl's rollout_is_batch_normalize.)
	BatchMean
)

// NonFinite says what becomes of a token in the mask one of whose
// log-probabilities is NaN or infinite, or their difference too large for
// float32. Such a token is counted and enters no
// statistic, no row's ratio and no filter.
type NonFinite uint8

const (
	Drop       NonFinite = iota // weight 0 and out of the mask
	ZeroWeight                  // weight 0 and in the mask: the loss's denominator still counts it (NeMo-RL)
	UnitWeight                  // weight 1 and in the mask, as if the ratio were 1 (AReaL)
	Refuse                      // Measure and Apply return an error that names row and token
)

// Check reports whether the policy makes sense, naming what does not.
func (p *Policy) Check() error {
	if err := p.Weight.check(); err != nil {
		return err
	}
	if len(p.Filters) > MaxFilters {
		return fmt.Errorf("%w: %d filters, at most %d", ErrPolicy, len(p.Filters), MaxFilters)
	}
	for _, f := range p.Filters {
		if err := f.check(); err != nil {
			return err
		}
	}
	if p.Normalize > BatchMean {
		return fmt.Errorf("%w: unknown Normalize %d", ErrPolicy, p.Normalize)
	}
	if p.Normalize == BatchMean && p.Weight.Rule == Unweighted {
		return fmt.Errorf("%w: nothing to normalize without a weight", ErrPolicy)
	}
	if p.NonFinite > Refuse {
		return fmt.Errorf("%w: unknown NonFinite %d", ErrPolicy, p.NonFinite)
	}
	return nil
}

func (w *Weight) check() error {
	switch w.Rule {
	case Unweighted:
		if *w != (Weight{}) {
			return fmt.Errorf("%w: a weight without a rule has no level and no bounds", ErrPolicy)
		}
		return nil
	case Truncate:
		if w.Lo != 0 {
			return fmt.Errorf("%w: %v: truncation has no lower bound; clip has", ErrPolicy, *w)
		}
	case Clip, IcePop:
	default:
		return fmt.Errorf("%w: unknown Rule %d", ErrPolicy, w.Rule)
	}
	if w.Level > Mean {
		return fmt.Errorf("%w: no weight at level %d", ErrPolicy, w.Level)
	}
	return checkBounds(w.Lo, w.Hi, w)
}

func (f *Filter) check() error {
	switch {
	case f.Statistic > K3:
		return fmt.Errorf("%w: unknown Statistic %d", ErrPolicy, f.Statistic)
	case f.Level > Maximum, f.Level == Maximum && f.Statistic == Ratio:
		return fmt.Errorf("%w: no filter on statistic %d at level %d", ErrPolicy, f.Statistic, f.Level)
	case f.Statistic != Ratio && f.Lo != 0:
		return fmt.Errorf("%w: %v: k2 and k3 have no lower bound", ErrPolicy, *f)
	}
	return checkBounds(f.Lo, f.Hi, f)
}

func checkBounds(lo, hi float64, what fmt.Stringer) error {
	if !(lo >= 0 && hi > 0 && lo <= hi) || math.IsInf(lo, 1) {
		return fmt.Errorf("%w: %v: bounds must satisfy 0 ≤ lo ≤ hi, hi > 0", ErrPolicy, what)
	}
	return nil
}

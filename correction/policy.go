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
	Maximum               // the row's largest value (filters)
	// Any looks at each token and drops the row if any lies outside of the
	// bounds: slime's veto, SkyRL's outlier mask (filters).
	Any
	// Turn is each turn's mean, by itself: a turn is a run of tokens in the mask
	// between tokens that are not. (ROLL at 8eb27cc: segment.)
	Turn
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
	// SeqMaskTIS is c, not truncated, in rows whose geometric mean of ρ lies
	// between the bounds and 0 in the others; the mask stays as it is. Its level is
	// Token. (NeMo-RL at 7ea279a, OpenRLHF at 3c3be62: seq-mask-tis.)
	SeqMaskTIS
)

// Weight is a rule for the ratio at a level: with d the log-ratio of a token,
//
//	Token     c = e^d
//	Sequence  c = e^Σd     the same for every token of the row
//	Mean      c = e^(Σd/L)
//	Turn      c = e^(Σd/L) of the token's turn
//
// where the exponent is clamped to ±20 first, as verl, slime and SkyRL do. At
// level Token c is within 0.63 ulp of float32 and is compared with bounds rounded
// to float32; the other levels work in float64.
type Weight struct {
	Rule   Rule
	Level  Level
	Lo, Hi float64
}

// Statistic is the quantity that a filter looks at. Where nothing else is said, d
// is clamped to ±20 before it enters, token by token (verl's rule: a row's Σd in a
// filter and in a weight differ when a token lies beyond).
type Statistic uint8

const (
	Ratio Statistic = iota // ρ = e^d; at level Sequence Πρ, at level Mean its geometric mean
	K2                     // d²/2
	K3                     // e^d − 1 − d, an estimate of KL(rollout‖trainer)
	// K3Reverse is e^−d − 1 + d: the form that estimates KL(trainer‖rollout), but
	// for tokens that the trainer sampled; |d| is clamped to 30. AReaL (at 4aef98d)
	// calls it kl_k3; it explodes where the trainer gives a sampled token little.
	K3Reverse
	// AbsRatio is e^|d|, |d| clamped to 30; a row's mean is NeMo-RL's (at 7ea279a)
	// sequence log-probability error.
	AbsRatio
	// ProbDiff is p − q = e^trainer − e^rollout, in [−1, 1] for a token. (ROLL at
	// 8eb27cc: diff.)
	ProbDiff
	// Age is Batch.Current − Batch.Version, 0 where that is negative.
	Age
	// OffPolicy, at level Mean, is a row's mean of rollout − optimized, where a
	// difference that is NaN counts as 0 and one beyond ±1024 as that. It rejects
	// only rows with Batch.RowAdvantage < 0: a bad answer that the policy has moved
	// away from teaches nothing more. (Off-policy sequence masking,
	// arXiv:2512.02556; TRL at f2cd577, slime at 624b824: opsm.)
	OffPolicy
)

// Filter keeps the tokens, or at the other levels the turns or the rows, for which
// Lo ≤ statistic ≤ Hi. Bounds are inclusive; where single tokens are compared
// (levels Token, Maximum and Any) they are, for Ratio on the scale of d, rounded
// to float32. Only Ratio and ProbDiff have a lower bound; elsewhere Lo is 0.
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
	// AllRowsMean is BatchMean where rows without a valid token count as rows of
	// weight 0. (slime's tis_batch_normalize.)
	AllRowsMean
)

// NonFinite says what becomes of a token in the mask one of whose
// log-probabilities is NaN or infinite, or their difference too large for
// float32. Such a token is counted and enters no statistic, no row's ratio and no
// filter; it goes with its row where a filter drops that.
type NonFinite uint8

const (
	Drop       NonFinite = iota // weight 0 and out of the mask
	ZeroWeight                  // weight 0 and in the mask: the loss's denominator still counts it (NeMo-RL)
	UnitWeight                  // weight 1 and in the mask, as if the ratio were 1 (AReaL)
	Refuse                      // Measure and Apply return an error that names row and token
	DropRow                     // all of the row's tokens go out of the mask
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
	if p.Normalize > AllRowsMean {
		return fmt.Errorf("%w: unknown Normalize %d", ErrPolicy, p.Normalize)
	}
	if p.Normalize != AsIs && p.Weight.Rule == Unweighted {
		return fmt.Errorf("%w: nothing to normalize without a weight", ErrPolicy)
	}
	if p.NonFinite > DropRow {
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
	case SeqMaskTIS:
		if w.Level != Token {
			return fmt.Errorf("%w: %v: seq-mask-tis weighs tokens", ErrPolicy, *w)
		}
	default:
		return fmt.Errorf("%w: unknown Rule %d", ErrPolicy, w.Rule)
	}
	if w.Level > Mean && w.Level != Turn {
		return fmt.Errorf("%w: no weight at level %d", ErrPolicy, w.Level)
	}
	return checkBounds(w.Lo, w.Hi, w)
}

func (f *Filter) check() error {
	switch {
	case f.Statistic > OffPolicy:
		return fmt.Errorf("%w: unknown Statistic %d", ErrPolicy, f.Statistic)
	case f.Level > Turn:
		return fmt.Errorf("%w: no filter at level %d", ErrPolicy, f.Level)
	case f.Statistic == OffPolicy && f.Level != Mean:
		return fmt.Errorf("%w: %v: the off-policy mask is of rows' means", ErrPolicy, *f)
	case f.Statistic == ProbDiff:
		if !(f.Lo <= f.Hi) || math.IsInf(f.Lo, 1) || math.IsInf(f.Hi, -1) {
			return fmt.Errorf("%w: %v: bounds must satisfy lo ≤ hi", ErrPolicy, *f)
		}
		return nil
	case f.Statistic == OffPolicy && f.Lo == 0 && f.Hi == f.Hi:
		return nil
	case f.Statistic == Age && f.Lo == 0 && f.Hi == 0:
		return nil
	case f.Statistic != Ratio && f.Lo != 0:
		return fmt.Errorf("%w: %v: only a ratio and a difference of probabilities have a lower bound", ErrPolicy, *f)
	}
	return checkBounds(f.Lo, f.Hi, f)
}

func checkBounds(lo, hi float64, what fmt.Stringer) error {
	if !(lo >= 0 && hi > 0 && lo <= hi) || math.IsInf(lo, 1) {
		return fmt.Errorf("%w: %v: bounds must satisfy 0 ≤ lo ≤ hi, hi > 0", ErrPolicy, what)
	}
	return nil
}

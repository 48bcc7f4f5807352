// Package verl expresses verl's rollout correction as trueup policies, with
// verl's semantics, presets and metric names.
//
// Source: verl 0.10.0.dev, commit 1dda039,
// verl/trainer/ppo/rollout_corr_helper.py and verl/trainer/config/algorithm.py.
// Where that code divides by zero (IcePop bounds that zero every weight) the
// effective sample size is 0 here.
package verl

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/trueup-rl/trueup/correction"
)

// ErrConfig is wrapped by every error of this package.
var ErrConfig = errors.New("verl: bad rollout correction config")

// Config holds the options of verl's algorithm.rollout_correction under their
// own names. Thresholds are text, as verl also accepts them: "2.0" or
// "0.5_5.0".
type Config struct {
	// RolloutIS is the level of importance weights: "token", "sequence" or "".
	RolloutIS string
	// RolloutISThreshold is one number, the cap of truncated importance
	// sampling, or "low_high", IcePop's bounds. Empty means verl's default, 2.0.
	RolloutISThreshold string
	// RolloutISBatchNormalize divides weights by their batch mean.
	RolloutISBatchNormalize bool
	// RolloutRS is a comma-separated list of rejection options, ANDed:
	// token_k1|k2|k3, seq_sum_k1|k2|k3, seq_mean_k1|k2|k3, seq_max_k2|k3.
	RolloutRS string
	// RolloutRSThreshold is one threshold for all options or a comma-separated
	// list of one for each: "low_high" ratio bounds or x for (1/x, x) with k1,
	// a positive upper bound with k2 and k3. The bounds of k1 act on the inverse
	// ratio π_rollout/π_train.
	RolloutRSThreshold string
}

// Correction is a Config made ready.
type Correction struct {
	Policy  correction.Policy
	options []string // names of Policy.Filters
}

// New checks the configuration and returns the policy it describes.
func New(c Config) (*Correction, error) {
	weight, err := parseWeight(c)
	if err != nil {
		return nil, err
	}
	out := &Correction{Policy: correction.Policy{Weight: weight}}
	if c.RolloutISBatchNormalize && weight.Rule != correction.Unweighted {
		out.Policy.Normalize = correction.BatchMean
	}
	if err := out.parseRejection(c); err != nil {
		return nil, err
	}
	if err := out.Policy.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return out, nil
}

func parseWeight(c Config) (correction.Weight, error) {
	var w correction.Weight
	switch c.RolloutIS {
	case "":
		return w, nil
	case "token":
		w.Level = correction.Token
	case "sequence":
		w.Level = correction.Sequence
	default:
		return w, fmt.Errorf("%w: rollout_is %q is neither token nor sequence", ErrConfig, c.RolloutIS)
	}
	threshold := c.RolloutISThreshold
	if threshold == "" {
		threshold = "2.0"
	}
	lo, hi, isRange, err := parseThreshold(threshold)
	if err != nil {
		return w, fmt.Errorf("%w: rollout_is_threshold: %w", ErrConfig, err)
	}
	if isRange {
		w.Rule, w.Lo, w.Hi = correction.IcePop, lo, hi
	} else {
		w.Rule, w.Hi = correction.Truncate, hi
	}
	return w, nil
}

func (v *Correction) parseRejection(c Config) error {
	if c.RolloutRS == "" {
		return nil
	}
	for option := range strings.SplitSeq(c.RolloutRS, ",") {
		option = strings.TrimSpace(option)
		if option != "" && !slices.Contains(v.options, option) {
			v.options = append(v.options, option)
		}
	}
	thresholds := strings.Split(c.RolloutRSThreshold, ",")
	if len(thresholds) != 1 && len(thresholds) != len(v.options) {
		return fmt.Errorf("%w: %d thresholds for %d rejection options", ErrConfig, len(thresholds), len(v.options))
	}
	for i, option := range v.options {
		threshold := thresholds[0]
		if len(thresholds) > 1 {
			threshold = thresholds[i]
		}
		f, err := parseFilter(option, strings.TrimSpace(threshold))
		if err != nil {
			return fmt.Errorf("%w: rollout_rs %q: %w", ErrConfig, option, err)
		}
		v.Policy.Filters = append(v.Policy.Filters, f)
	}
	return nil
}

var levels = map[string]correction.Level{
	"token":    correction.Token,
	"seq_sum":  correction.Sequence,
	"seq_mean": correction.Mean,
	"seq_max":  correction.Maximum,
}

var statistics = map[string]correction.Statistic{
	"k1": correction.Ratio,
	"k2": correction.K2,
	"k3": correction.K3,
}

func parseFilter(option, threshold string) (f correction.Filter, err error) {
	cut := max(0, strings.LastIndexByte(option, '_'))
	level, ok := levels[option[:cut]]
	if !ok {
		return f, errors.New("no such option")
	}
	statistic, ok := statistics[option[cut+1:]]
	if !ok || level == correction.Maximum && statistic == correction.Ratio {
		return f, errors.New("no such option")
	}
	lo, hi, isRange, err := parseThreshold(threshold)
	if err != nil {
		return f, err
	}
	f = correction.Filter{Statistic: statistic, Level: level, Hi: hi}
	if statistic != correction.Ratio {
		if isRange {
			return f, fmt.Errorf("threshold %q: one upper bound expected", threshold)
		}
		return f, nil
	}
	if !isRange {
		lo = 1 / hi
		if lo > hi {
			return f, fmt.Errorf("threshold %q: its reciprocal is larger", threshold)
		}
	}
	// k1 = −d, so its bounds are those of the inverse ratio.
	f.Lo, f.Hi = 1/hi, 1/lo
	return f, nil
}

// parseThreshold reads "x" or "low_high".
func parseThreshold(s string) (lo, hi float64, isRange bool, err error) {
	from, to, isRange := strings.Cut(s, "_")
	if !isRange {
		from, to = "1", s // any positive number: it is not a bound
	}
	lo, errLo := strconv.ParseFloat(strings.TrimSpace(from), 64)
	hi, errHi := strconv.ParseFloat(strings.TrimSpace(to), 64)
	switch {
	case errLo != nil || errHi != nil || math.IsNaN(lo+hi) || math.IsInf(lo, 0) || math.IsInf(hi, 0):
		return 0, 0, false, fmt.Errorf("threshold %q is neither a number nor low_high", s)
	case lo <= 0 || hi <= 0:
		return 0, 0, false, fmt.Errorf("threshold %q is not positive", s)
	case isRange && lo > hi:
		return 0, 0, false, fmt.Errorf("threshold %q: low exceeds high", s)
	}
	return lo, hi, isRange, nil
}

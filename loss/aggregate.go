package loss

import (
	"fmt"
	"maps"
)

// Aggregation turns the losses of tokens into one number: Σ c·ℓ, with the same c
// for all tokens of a row.
type Aggregation struct {
	Mode AggregationMode
	// Scale is the constant S of SeqMeanTokenSumNorm and Constant.
	Scale float64
}

// AggregationMode says what c is. L is the number of the row's tokens, N, V and P
// those of tokens, non-empty rows and groups in the whole batch: see Counts.
type AggregationMode uint8

const (
	TokenMean        AggregationMode = iota // 1/N
	TokenSum                                // 1
	SeqMeanTokenSum                         // 1/V
	SeqMeanTokenMean                        // 1/(V·L)
	// SeqMeanTokenSumNorm is 1/(V·S), Dr.GRPO's constant normaliser with S the
	// longest response. verl divides by V·S since 0.10 and by S alone before.
	SeqMeanTokenSumNorm
	GroupMean // 1/(P·tokens of the row's group): SkyRL's prompt_mean
	Constant  // 1/S
)

func (a *Aggregation) check() error {
	scaled := a.Mode == SeqMeanTokenSumNorm || a.Mode == Constant
	switch {
	case a.Mode > Constant:
		return fmt.Errorf("%w: unknown aggregation %d", ErrConfig, a.Mode)
	case scaled && !isPositive(a.Scale):
		return fmt.Errorf("%w: %v: the constant is not a positive number", ErrConfig, *a)
	case !scaled && a.Scale != 0:
		return fmt.Errorf("%w: %v takes no constant", ErrConfig, *a)
	}
	return nil
}

// Counts are the denominators of a batch. Micro-batches and ranks add up to
// exactly the loss of one batch if each is given the counts of all: Count every
// part into one Counts, or add theirs up.
//
// The counts need not be of the mask the loss runs on. Counted before correction
// rejects tokens, they keep their contribution to the mean in place; counted
// after, the rest gains their share. NeMo-RL and TRL count rows without a token
// too: set Rows to that. Coefficients are for gradients that are added up over
// ranks; an engine that averages them over R ranks wants R times as much.
type Counts struct {
	Tokens int64 // N, tokens in the mask
	Rows   int64 // V, rows with at least one
	// GroupTokens is N by group, for GroupMean alone; P is the number of keys.
	GroupTokens map[int32]int64
}

// Merge adds the counts of o.
func (c *Counts) Merge(o *Counts) {
	c.Tokens += o.Tokens
	c.Rows += o.Rows
	if c.GroupTokens == nil && o.GroupTokens != nil {
		c.GroupTokens = maps.Clone(o.GroupTokens)
		return
	}
	for g, n := range o.GroupTokens {
		c.GroupTokens[g] += n
	}
}

// Reset empties the counts and keeps their memory.
func (c *Counts) Reset() {
	c.Tokens, c.Rows = 0, 0
	clear(c.GroupTokens)
}

// coefficient returns c of a row with n tokens, not finite if the counts do not
// have the row.
func (a *Aggregation) coefficient(global *Counts, n int64, group int32) float64 {
	v := float64(global.Rows)
	switch a.Mode {
	case TokenSum:
		return 1
	case TokenMean:
		return 1 / float64(global.Tokens)
	case SeqMeanTokenSum:
		return 1 / v
	case SeqMeanTokenMean:
		return 1 / float64(v*float64(n))
	case SeqMeanTokenSumNorm:
		return 1 / float64(v*a.Scale)
	case GroupMean:
		return 1 / float64(float64(len(global.GroupTokens))*float64(global.GroupTokens[group]))
	}
	return 1 / a.Scale
}

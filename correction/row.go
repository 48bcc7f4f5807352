package correction

import (
	"fmt"

	"github.com/trueup-rl/trueup/internal/exact"
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/mismatch"
)

// row works on row i of b: it writes its weights to w, if that is not nil, and
// what is kept to keep, and adds what it finds to dst, if that is not nil.
func (c *Corrector) row(w []float32, keep []uint8, b *mismatch.Batch, i int, factor float64, dst *Stats) error {
	trainer, rollout, mask := b.Row(i)
	for k := range c.filters {
		c.filters[k].sums = kernel.FilterSums{}
	}
	versions := b.Versions(i)
	var column column
	if c.derives || c.turnwise {
		column = columnOf(b, i)
	}
	turnRatio := 0.0
	if c.turnwise {
		turnRatio = c.judgeTurns(column, mask, dst)
	}
	var found mismatch.Row
	sums := &found.Sums
	var weights, effect kernel.WeightSums
	kept := 0
	for at := 0; at < len(trainer); at += c.block.N {
		n := c.block.Load(trainer[at:], rollout[at:], from(mask, at))
		if c.block.NonFinite > 0 && c.policy.NonFinite == Refuse {
			return refuse(i, trainer, rollout, mask)
		}
		if dst != nil {
			dst.mismatch.AddBlock(&found, &c.block, from(versions, at), b.Current)
		} else {
			sums.Add(&c.block)
		}
		y := &c.block.W // of weights that a row shares, only which are not 0 matters
		direct := false
		if c.weight.perToken() {
			y = &c.weights
			// A whole block's weights go straight to w, unless AddKept will change y.
			if direct = w != nil && n == len(y) && !c.dropsTokens; direct {
				y = (*[kernel.BlockLen]float32)(w[at:])
			}
			block := &c.block
			if c.weight.Level == Turn {
				block = c.turns.blockAt(block, at)
			}
			weights.Add(y, block, &c.weight.bounds)
		}
		if w != nil && !direct {
			copy(w[at:], y[:n])
		}
		rowKeep := keep[at : at+n]
		c.block.Keep(rowKeep)
		if c.turnwise {
			c.turns.drop(rowKeep, at)
		}
		for k := range c.filters {
			f := &c.filters[k]
			f.add(rowKeep, &c.block, f.statistic(&c.derived, &c.block, &column, at))
		}
		if c.dropsTokens {
			kept += kernel.CountKept(rowKeep)
			if dst != nil && c.weight.perToken() {
				effect.AddKept(y, rowKeep)
			}
		}
	}
	if !c.dropsTokens {
		kept, effect = sums.N, weights
	}
	if c.weight.drops(sums) {
		clear(w)
		weights, effect = zeroWeights(&weights), zeroWeights(&effect)
		if dst != nil {
			dst.weight.countDropped(&c.weight, sums)
		}
	}

	if dst != nil {
		dst.mismatch.AddRow(&found)
	}
	left := momentsOf(&effect)
	if c.weight.perToken() {
		if dst != nil {
			ratio := sums.Bounded.Ratio
			if c.weight.Level == Turn {
				ratio = turnRatio
			}
			dst.weight.add(&c.weight, momentsOf(&weights), &weights, ratio)
		}
		if w != nil && factor != 1 {
			kernel.DivideWeights(w, float32(factor))
		}
	} else {
		var weightDst *weightStats
		if dst != nil {
			weightDst = &dst.weight
		}
		shared := c.weight.ofRow(sums, weightDst)
		left = repeated(shared, kept)
		if w != nil {
			kernel.FillWeights(w, float32(shared/factor))
		}
	}
	advantage := float32(0)
	if b.RowAdvantage != nil {
		advantage = b.RowAdvantage[i]
	}
	rejected := false
	for k := range c.filters {
		var filterDst *filterStats
		if dst != nil {
			filterDst = &dst.filters[k]
		}
		if c.filters[k].rejectsRow(filterDst, sums, advantage) {
			rejected = true
			clear(keep)
			left = exact.Block{}
		}
	}
	if sums.NonFinite > 0 && c.policy.NonFinite == DropRow {
		rejected = true
		clear(keep)
		left = exact.Block{}
	}
	if dst != nil {
		dst.effect.add(left, sums.N)
	}
	if sums.NonFinite > 0 && !rejected {
		c.admitNonFinite(w, keep, trainer, rollout, mask)
	}
	return nil
}

// judgeTurns applies the filters at level Turn, adds them to dst, if that is not
// nil, and returns the sum over tokens of their turns' ratios if the weight is at
// that level.
func (c *Corrector) judgeTurns(column column, mask []uint8, dst *Stats) float64 {
	c.turns.start(column, mask)
	for k := range c.filters {
		if c.filters[k].Level != Turn {
			continue
		}
		var filterDst *filterStats
		if dst != nil {
			filterDst = &dst.filters[k]
		}
		c.turns.filter(&c.filters[k], filterDst)
	}
	if c.weight.Level != Turn {
		return 0
	}
	return c.turns.weigh()
}

// isFinite reports whether a token has a log-ratio.
func isFinite(trainer, rollout float32) bool {
	d := trainer - rollout
	return d-d == 0
}

// admitNonFinite gives tokens of the mask that are not finite what the policy
// says.
func (c *Corrector) admitNonFinite(w []float32, keep []uint8, trainer, rollout []float32, mask []uint8) {
	if c.policy.NonFinite == Drop {
		return
	}
	for t := range trainer {
		if isNonFinite(t, trainer, rollout, mask) {
			keep[t] = 1
			if w != nil && c.policy.NonFinite == UnitWeight {
				w[t] = 1
			}
		}
	}
}

func isNonFinite(t int, trainer, rollout []float32, mask []uint8) bool {
	return (mask == nil || mask[t] != 0) && !isFinite(trainer[t], rollout[t])
}

// refuse returns the error for the first such token of a row.
func refuse(row int, trainer, rollout []float32, mask []uint8) error {
	t := 0
	for !isNonFinite(t, trainer, rollout, mask) {
		t++
	}
	return fmt.Errorf("%w: row %d, token %d: trainer %v, rollout %v", ErrNonFinite, row, t, trainer[t], rollout[t])
}

// from returns x from token at on, nil if it is nil.
func from[T any](x []T, at int) []T {
	if x == nil {
		return nil
	}
	return x[at:]
}

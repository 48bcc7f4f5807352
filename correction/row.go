package correction

import (
	"fmt"

	"github.com/trueup-rl/trueup/internal/exact"
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/mismatch"
)

// rowTotals is what a row adds up to.
type rowTotals struct {
	found           mismatch.Row
	weights, effect kernel.WeightSums // of all valid tokens, of those that are left
	kept            int               // tokens
	turnRatio       float64           // Σ of tokens' turns' ratios
}

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
	var row rowTotals
	if c.turnwise {
		row.turnRatio = c.judgeTurns(column, mask, dst)
	}
	for at := 0; at < len(trainer); at += c.block.N {
		n := c.block.Load(trainer[at:], rollout[at:], from(mask, at))
		if c.block.NonFinite > 0 && c.policy.NonFinite == Refuse {
			return refuse(i, trainer, rollout, mask)
		}
		if dst != nil {
			dst.mismatch.AddBlock(&row.found, &c.block, from(versions, at), b.Current)
		} else {
			row.found.Sums.Add(&c.block)
		}
		y := c.weighBlock(&row, w, at)
		c.filterBlock(&row, keep[at:at+n], at, &column, y, dst != nil)
	}
	if !c.dropsTokens {
		row.kept, row.effect = row.found.Sums.N, row.weights
	}
	if dst != nil {
		dst.mismatch.AddRow(&row.found)
	}
	left := c.endWeights(&row, w, factor, dst)
	advantage := float32(0)
	if b.RowAdvantage != nil {
		advantage = b.RowAdvantage[i]
	}
	if c.rejectsRow(&row.found.Sums, advantage, dst) {
		clear(keep)
		left = exact.Block{}
	} else if row.found.Sums.NonFinite > 0 {
		c.admitNonFinite(w, keep, trainer, rollout, mask)
	}
	if dst != nil {
		dst.effect.add(left, row.found.Sums.N)
	}
	return nil
}

// weighBlock adds the weights of the block, which begins at token at, writes them
// to w, if that is not nil, and returns them. Of weights that a row shares, only
// which are not 0 matters yet.
func (c *Corrector) weighBlock(row *rowTotals, w []float32, at int) *[kernel.BlockLen]float32 {
	n := c.block.N
	if !c.weight.perToken() {
		if w != nil {
			copy(w[at:], c.block.W[:n])
		}
		return &c.block.W
	}
	y := &c.weights
	// A whole block's weights go straight to w, unless AddKept will change y.
	direct := w != nil && n == len(y) && !c.dropsTokens
	if direct {
		y = (*[kernel.BlockLen]float32)(w[at:])
	}
	block := &c.block
	if c.weight.Level == Turn {
		block = c.turns.blockAt(block, at)
	}
	row.weights.Add(y, block, &c.weight.bounds)
	if w != nil && !direct {
		copy(w[at:], y[:n])
	}
	return y
}

// filterBlock sets keep to what is kept of the block, which begins at token at
// and has the weights y.
func (c *Corrector) filterBlock(row *rowTotals, keep []uint8, at int, column *column, y *[kernel.BlockLen]float32, measure bool) {
	c.block.Keep(keep)
	if c.turnwise {
		c.turns.drop(keep, at)
	}
	for k := range c.filters {
		f := &c.filters[k]
		f.add(keep, &c.block, f.statistic(&c.derived, &c.block, column, at))
	}
	if c.dropsTokens {
		row.kept += kernel.CountKept(keep)
		if measure && c.weight.perToken() {
			row.effect.AddKept(y, keep)
		}
	}
}

// endWeights divides the row's weights in w, if that is not nil, by factor, after
// making those that tokens share. It adds them to dst, if that is not nil, and
// returns the moments of those that are left.
func (c *Corrector) endWeights(row *rowTotals, w []float32, factor float64, dst *Stats) exact.Block {
	sums := &row.found.Sums
	if c.weight.drops(sums) {
		clear(w)
		row.weights, row.effect = zeroWeights(&row.weights), zeroWeights(&row.effect)
		if dst != nil {
			dst.weight.countDropped(&c.weight, sums)
		}
	}
	if !c.weight.perToken() {
		var weightDst *weightStats
		if dst != nil {
			weightDst = &dst.weight
		}
		shared := c.weight.ofRow(sums, weightDst)
		if w != nil {
			kernel.FillWeights(w, float32(shared/factor))
		}
		return repeated(shared, row.kept)
	}
	if dst != nil {
		ratio := sums.Bounded.Ratio
		if c.weight.Level == Turn {
			ratio = row.turnRatio
		}
		dst.weight.add(&c.weight, momentsOf(&row.weights), &row.weights, ratio)
	}
	if w != nil && factor != 1 {
		kernel.DivideWeights(w, float32(factor))
	}
	return momentsOf(&row.effect)
}

// rejectsRow reports whether a filter, or the policy for non-finite tokens, drops
// the whole row, and adds what each filter finds to dst, if that is not nil.
func (c *Corrector) rejectsRow(sums *kernel.RowSums, advantage float32, dst *Stats) bool {
	rejected := sums.NonFinite > 0 && c.policy.NonFinite == DropRow
	for k := range c.filters {
		var filterDst *filterStats
		if dst != nil {
			filterDst = &dst.filters[k]
		}
		if c.filters[k].rejectsRow(filterDst, sums, advantage) {
			rejected = true
		}
	}
	return rejected
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

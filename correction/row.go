package correction

import (
	"fmt"

	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/mismatch"
)

// row works on row i of b: it writes its weights to w, if that is not nil, and
// what is kept to keep, and adds what it finds to dst, if that is not nil.
func (c *Corrector) row(w []float32, keep []uint8, b *mismatch.Batch, i int, factor float64, dst *Stats) error {
	trainer, rollout, mask := b.Row(i)
	c.acc.Reset()
	c.weight.acc.Reset()
	for k := range c.filters {
		c.filters[k].acc.reset()
	}
	var effect effectAcc
	nonFinite := false
	for at := 0; at < len(trainer); at += c.block.N {
		n := c.block.Load(trainer[at:], rollout[at:], from(mask, at))
		if c.block.NonFinite > 0 {
			if c.policy.NonFinite == Refuse {
				return refuse(i, trainer, rollout, mask)
			}
			nonFinite = true
		}
		c.block.Exp()
		c.acc.Add(&c.block, trainer[at:], rollout[at:])
		if dst != nil {
			dst.mismatch.AddBlock(&c.block)
		}
		c.block.Keep(keep[at : at+n])
		if c.weight.perToken() {
			c.weight.acc.Weigh(&c.weights, &c.block, &c.weight.bounds)
			if w != nil {
				kernel.StoreWeights(w[at:at+n], &c.weights, factor)
			}
		}
		for k := range c.filters {
			if c.filters[k].looksAtTokens() {
				c.filters[k].add(keep[at:at+n], &c.block)
			}
		}
		if dst != nil && c.dropsTokens && c.weight.perToken() {
			effect.add(&c.weights, keep[at:at+n])
		}
	}

	sums := c.acc.Sums()
	if sums.Wild && c.sumsRows {
		c.sumClamped(trainer, rollout, mask, keep)
	}
	var weightDst *weightStats
	if dst != nil {
		dst.mismatch.AddRow(&sums)
		weightDst = &dst.weight
	}
	rowWeight := 1.0
	if c.weight.perToken() {
		s := c.weight.acc.Sums()
		if dst != nil {
			weightDst.add(&c.weight, &s, sums.N)
		}
		if !c.dropsTokens {
			effect = effectOf(&s, sums.N)
		}
	} else {
		rowWeight = c.weight.ofRow(&sums, weightDst)
		if w != nil {
			fill(w, trainer, rollout, mask, float32(rowWeight/factor))
		}
	}
	for k := range c.filters {
		var filterDst *filterStats
		if dst != nil {
			filterDst = &dst.filters[k]
		}
		if c.filters[k].rejectsRow(filterDst, &sums) {
			clear(keep)
			effect = effectAcc{}
		}
	}
	if dst != nil {
		if !c.weight.perToken() {
			effect.addRow(rowWeight, keep)
		}
		dst.effect.add(&effect, sums.N)
	}
	if nonFinite {
		c.admitNonFinite(w, keep, trainer, rollout, mask)
	}
	return nil
}

// sumClamped goes through a row again for the filters that sum over it: with a
// log-ratio beyond the clamp, the row's own sums are not theirs.
func (c *Corrector) sumClamped(trainer, rollout []float32, mask, keep []uint8) {
	for at := 0; at < len(trainer); at += c.block.N {
		n := c.block.Load(trainer[at:], rollout[at:], from(mask, at))
		c.block.Exp()
		for k := range c.filters {
			if !c.filters[k].looksAtTokens() {
				c.filters[k].add(keep[at:at+n], &c.block)
			}
		}
	}
}

// fill sets w to x at valid tokens and to 0 elsewhere.
func fill(w, trainer, rollout []float32, mask []uint8, x float32) {
	for t := range w {
		w[t] = x
		if mask != nil && mask[t] == 0 || !isFinite(trainer[t], rollout[t]) {
			w[t] = 0
		}
	}
}

// isFinite reports whether a token has a log-ratio.
func isFinite(trainer, rollout float32) bool {
	d := float64(trainer) - float64(rollout)
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

// from returns the mask from token at on, nil if it is nil.
func from(mask []uint8, at int) []uint8 {
	if mask == nil {
		return nil
	}
	return mask[at:]
}

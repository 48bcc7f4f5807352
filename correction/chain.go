package correction

import "github.com/trueup-rl/trueup/mismatch"

// Chain applies policies one after the other: each sees as its batch's mask what
// the ones before it have kept, so that a row's sum or mean is over surviving
// tokens. (SkyRL's order of masks. Within one policy, all filters see the mask
// that came in.)
//
// The last policy's weight is the one that is applied; the others' are only
// measured. A Chain re-uses its memory like a Corrector; use one per goroutine.
type Chain struct {
	stages []*Corrector
	stats  []*Stats
	masks  [2][]uint8
}

// NewChain returns a chain of policies, or an error that wraps ErrPolicy.
func NewChain(policies ...Policy) (*Chain, error) {
	c := &Chain{}
	for _, p := range policies {
		stage, err := New(p)
		if err != nil {
			return nil, err
		}
		c.stages = append(c.stages, stage)
		c.stats = append(c.stats, &stage.stats)
	}
	return c, nil
}

// Correct is Corrector.Correct, with the Stats of every policy in turn. A token
// that an earlier policy dropped has weight 0.
func (c *Chain) Correct(w []float32, keep []uint8, b *mismatch.Batch) ([]*Stats, error) {
	batch := *b
	for i, stage := range c.stages {
		if i == len(c.stages)-1 {
			if _, err := stage.Correct(w, keep, &batch); err != nil {
				return nil, err
			}
			break
		}
		mask := c.room(i%2, b.Layout.Size())
		if _, err := stage.Correct(nil, mask, &batch); err != nil {
			return nil, err
		}
		batch.Mask = mask
	}
	return c.stats, nil
}

func (c *Chain) room(i, n int) []uint8 {
	if cap(c.masks[i]) < n {
		c.masks[i] = make([]uint8, n)
	}
	return c.masks[i][:n]
}

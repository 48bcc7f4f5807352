package loss

import (
	"fmt"
	"math"

	"github.com/trueup-rl/trueup/internal/kernel"
)

// Evaluator computes one loss. It keeps scratch memory that grows to the longest
// row (M2PO: the largest batch) and is re-used: after that no call allocates. Use
// one per goroutine.
type Evaluator struct {
	config  Config
	row     row
	moments []float64 // of M2PO
	counts  Counts    // where the caller gives none
}

// New returns an evaluator of the loss, or an error that wraps ErrConfig.
func New(c Config) (*Evaluator, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	return &Evaluator{config: c}, nil
}

// Config returns the configuration.
func (e *Evaluator) Config() Config { return e.config }

// Count adds the denominators of a batch to dst.
func (e *Evaluator) Count(dst *Counts, b *Batch) error {
	if err := e.config.checkBatch(b); err != nil {
		return err
	}
	grouped := e.config.Aggregate.Mode == GroupMean
	if grouped && dst.GroupTokens == nil {
		dst.GroupTokens = make(map[int32]int64)
	}
	for i := range b.Layout.Rows() {
		n, err := e.countRow(b, i)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		dst.Tokens += n
		dst.Rows++
		if grouped {
			dst.GroupTokens[b.Group[i]] += n
		}
	}
	return nil
}

// countRow returns L of row i.
func (e *Evaluator) countRow(b *Batch, i int) (n int64, err error) {
	start, end := b.Layout.Row(i)
	for at := start; at < end; at++ {
		if b.Mask != nil && b.Mask[at] == 0 {
			continue
		}
		if e.config.NonFinite != ZeroWeight {
			finite, err := e.admit(b, i, at)
			if err != nil {
				return 0, err
			}
			if !finite {
				continue
			}
		}
		n++
	}
	return n, nil
}

// Coefficients sets dst, if not nil, to the derivative of the loss by the current
// policy's log-probabilities,
//
//	dst[t] = c·(w·∂ℓ/∂cur + β·∂k/∂cur)
//
// and returns the loss and its statistics. Back-propagating Σ dst·cur through the
// model, with dst constant, gives the loss's gradient. Tokens outside of the mask
// and padding get 0; a derivative beyond float32 is held at its largest value.
//
// global has the denominators of the whole batch of which b is a part; nil means
// that b is the whole. dst may be one of the batch's per-token arrays. On an error dst
// is unspecified.
func (e *Evaluator) Coefficients(dst []float32, b *Batch, global *Counts) (Stats, error) {
	var stats Stats
	if err := e.config.checkBatch(b); err != nil {
		return stats, err
	}
	if need := b.Layout.Size(); dst != nil && len(dst) < need {
		return stats, fmt.Errorf("%w: dst has %d elements, the layout needs %d", ErrBatch, len(dst), need)
	}
	if global == nil {
		e.counts.Reset()
		if err := e.Count(&e.counts, b); err != nil {
			return stats, err
		}
		global = &e.counts
	}
	if m, ok := e.config.Policy.(M2PO); ok {
		if err := e.gatherMoments(b); err != nil {
			return stats, err
		}
		e.row.cut = m.cut(e.moments)
	}
	for i := range b.Layout.Rows() {
		if err := e.evaluateRow(dst, b, i, global, &stats); err != nil {
			return Stats{}, err
		}
	}
	return stats, nil
}

func (e *Evaluator) evaluateRow(dst []float32, b *Batch, i int, global *Counts, stats *Stats) error {
	valid, err := e.load(b, i)
	if err != nil {
		return err
	}
	start, _ := b.Layout.Row(i)
	var out []float32
	if dst != nil {
		from, to := b.Layout.Storage(i)
		clear(dst[from:to])
		out = dst[start:to]
	}
	r := &e.row
	if len(r.tokens) == 0 {
		stats.addRow(r, valid, 0, &e.config)
		return nil
	}
	e.config.Policy.evaluate(r)
	n := int64(len(r.tokens))
	if e.config.NonFinite == ZeroWeight {
		n = valid
	}
	var group int32
	if b.Group != nil {
		group = b.Group[i]
	}
	c := e.config.Aggregate.coefficient(global, n, group)
	if !(c > 0 && c <= math.MaxFloat64) {
		return fmt.Errorf("%w: row %d has %d tokens, which the counts lack", ErrBatch, i, n)
	}
	beta := e.config.Reference.Coef
	for k := range r.tokens {
		t := &r.tokens[k]
		if !r.weighted {
			t.value = float64(t.weight * t.value)
			t.grad = float64(t.weight * t.grad)
		}
		grad := t.grad
		if beta != 0 {
			e.config.Reference.evaluate(t, e.row.bound)
			grad += float64(beta * t.gradient)
		}
		if out != nil {
			out[t.at] = float32(clamp(float64(c*grad), -math.MaxFloat32, math.MaxFloat32))
		}
	}
	stats.addRow(r, valid, c, &e.config)
	return nil
}

// load fills the row's tokens and returns how many of them are in the mask, those
// that are not finite included.
func (e *Evaluator) load(b *Batch, i int) (valid int64, err error) {
	r := &e.row
	r.tokens = r.tokens[:0]
	r.bound = e.config.bound()
	r.hasWeight, r.weighted = b.Weight != nil, false
	r.hasRollout = b.Rollout != nil
	if b.Reward != nil {
		r.reward = float64(b.Reward[i])
	}
	start, end := b.Layout.Row(i)
	for at := start; at < end; at++ {
		if b.Mask != nil && b.Mask[at] == 0 {
			continue
		}
		valid++
		finite, err := e.admit(b, i, at)
		if err != nil {
			return valid, err
		}
		if !finite {
			continue
		}
		t := token{at: at - start, cur: float64(b.Current[at]), weight: 1}
		t.adv = float64(advantage(b, i, at))
		if b.Weight != nil {
			t.weight = float64(b.Weight[at])
		}
		t.rollout = at64(b.Rollout, at)
		t.proximal = at64(b.Proximal, at)
		t.ref = at64(b.Reference, at)
		t.old = e.anchor(&t)
		t.moment = e.moment(&t)
		t.d = t.cur - t.old
		t.bounded = clamp(t.d, -r.bound, r.bound)
		t.ratio, t.k3 = kernel.ExpK3(t.bounded)
		r.tokens = append(r.tokens, t)
	}
	return valid, nil
}

// at64 returns x[i], 0 if there is no x.
func at64(x []float32, i int) float64 {
	if x == nil {
		return 0
	}
	return float64(x[i])
}

func advantage(b *Batch, row, at int) float32 {
	if b.RowAdvantage != nil {
		return b.RowAdvantage[row]
	}
	return b.Advantage[at]
}

// anchor returns the log-probability that r is against.
func (e *Evaluator) anchor(t *token) float64 {
	switch e.config.Mode {
	case Decoupled:
		return t.proximal
	case Bypass:
		return t.rollout
	}
	return t.cur
}

// moment returns M2PO's x.
func (e *Evaluator) moment(t *token) float64 {
	x := t.rollout - t.cur
	if e.config.Mode == Decoupled {
		x = t.rollout - t.proximal
	}
	return float64(x * x)
}

// gatherMoments collects M2PO's x of the whole batch.
func (e *Evaluator) gatherMoments(b *Batch) error {
	e.moments = e.moments[:0]
	for i := range b.Layout.Rows() {
		if _, err := e.load(b, i); err != nil {
			return err
		}
		for k := range e.row.tokens {
			e.moments = append(e.moments, e.row.tokens[k].moment)
		}
	}
	return nil
}

// admit reports whether everything that the loss reads of a token in the mask is
// finite.
func (e *Evaluator) admit(b *Batch, row, at int) (bool, error) {
	c := &e.config
	bad := ""
	switch {
	case !isFinite(b.Current[at]):
		bad = "Current"
	case c.readsProximal() && !isFinite(b.Proximal[at]):
		bad = "Proximal"
	case c.readsRollout() && !isFinite(b.Rollout[at]):
		bad = "Rollout"
	case c.Reference.Coef != 0 && !isFinite(b.Reference[at]):
		bad = "Reference"
	case !isFinite(advantage(b, row, at)):
		bad = "advantage"
	case b.Weight != nil && !isFinite(b.Weight[at]):
		bad = "Weight"
	case c.Policy.needs().reward && !isFinite(b.Reward[row]):
		bad = "Reward"
	default:
		return true, nil
	}
	if c.NonFinite == Refuse {
		start, _ := b.Layout.Row(row)
		return false, fmt.Errorf("%w: row %d, token %d: %s", ErrNonFinite, row, at-start, bad)
	}
	return false, nil
}

func isFinite(x float32) bool { return x-x == 0 }

// Package correction decides what each token's gradient is worth when the policy
// that sampled it is not quite the policy that learns from it.
//
// A Policy is a weight, made of the importance ratio ρ = e^d with
// d = trainer − rollout log-probability, and filters that take tokens or rows
// out of the mask. It is a value with a text form:
//
//	policy, err := correction.Parse("token-tis:2, geo-mask:0.99..1.01")
//	c, err := correction.New(policy)
//	stats, err := c.Correct(w, keep, &batch)
//
// after which the loss of token t is multiplied by w[t]·keep[t], and stats tells
// what was kept, clipped and rejected. Over workers or micro-batches, Measure
// each part, Merge the Stats, and Apply with the whole.
//
//	weight   token-tis:2        truncate e^d at 2
//	         seq-tis:2          truncate e^Σd, one weight for the row
//	         geo-clip:0.5..2    clamp e^(Σd/L)
//	         token-icepop:0.5..5  0 outside of the bounds, the mask unchanged
//	filter   geo-mask:0.99..1.01  keep rows by the geometric mean of ρ
//	         token-mask:0.5..2    keep tokens by ρ
//	         mean-k3:0.01         keep rows by the mean of e^d − 1 − d
//
// Package correction/verl builds policies from verl's options and gives the
// figures verl's names.
//
// Everything inside a row is float64 in one fixed order, sums over rows are
// exact: the same batch gives the same bits on every machine, however its rows
// are spread.
package correction

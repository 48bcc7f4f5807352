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
//	weight   token-tis:2             truncate e^d at 2
//	         seq-tis:2               truncate e^Σd, one weight for the row
//	         geo-clip:0.5..2         clamp e^(Σd/L)
//	         turn-tis:2              truncate e^(Σd/L) of each turn
//	         token-icepop:0.5..5     0 outside of the bounds, the mask unchanged
//	         seq-icepop:..3          0 for rows outside of the bounds
//	         seq-mask-tis:0.999..1.002  e^d, 0 in rows whose geometric mean is outside
//	         token-raw               e^d
//	filter   token-mask:0.5..2       keep tokens by ρ
//	         geo-mask:0.99..1.01     keep rows by the geometric mean of ρ
//	         turn-mask:0.8..1.2      keep turns by it
//	         veto:1e-4               drop rows with a token of ρ below
//	         any-mask:1e-4..100      drop rows with a token outside
//	         mean-k3:0.01            keep rows by the mean of e^d − 1 − d
//	         max-k3-reverse:0.5      keep rows by the largest e^−d − 1 + d
//	         mean-abs-ratio:2        keep rows by the mean of e^|d|
//	         token-prob-diff:-0.2..0.2  keep tokens by e^trainer − e^rollout
//	         max-age:4               drop rows with a token older than 4 versions
//	         opsm:0.5                drop rows of A < 0 that the policy moved from
//
// Filters of one policy all see the mask that came in, and each reports what it
// alone rejects; a Chain has policies see the mask that the ones before left.
//
// A token one of whose log-probabilities is missing or not finite:
//
//	nonfinite:drop      out of the mask (also without the term)
//	nonfinite:drop-row  its row is, too
//	nonfinite:zero      weight 0, counted by the loss's denominator (NeMo-RL)
//	nonfinite:one       weight 1, as if the ratio were 1 (AReaL)
//	nonfinite:error     an error that names it
//
// Packages verl, slime, skyrl, areal, nemorl, trl, openrlhf and roll, below this
// one, build policies from those projects' options, and give figures their
// names. Masks that belong to a loss (DPPO, IPO, M2PO, clipping) are in package
// loss, and with them all that prime-rl corrects.
//
// Everything inside a row is float64 in one fixed order, sums over rows are
// exact: the same batch gives the same bits on every machine, however its rows
// are spread.
package correction

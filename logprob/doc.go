// Package logprob turns rows of logits into log-probabilities of chosen tokens,
// entropies and exact divergences, reading each logit from memory once, or twice
// for a divergence.
//
// With logits x, an inverse temperature a and z = a·x, a row gives
//
//	LogSumExp = ln Σ e^z
//	LogProb   = z[token] − LogSumExp
//	Entropy   = LogSumExp − Σ z·e^z / Σ e^z
//
// as float64, in nats:
//
//	row := logprob.Of(logits, token, 1/temperature)
//
// [Rows] does many rows with several workers. Where the vocabulary is spread
// over ranks, each takes a [Partial] of its shard, and the partials merge:
//
//	var p logprob.Partial = logprob.PartialOf(shard, offset, token, 1)
//	p.Merge(&fromAnotherRank)
//	row := p.Row()
//
// [Between] compares the distributions of two rows, of the rollout engine and of
// the trainer; a [DivergencePartial] that of shards of two rows, once their
// log-sum-exps are known.
//
// # Logits
//
// Logits are float32 or BF16, a type parameter that is inferred. FP16 logits are
// decoded to float32 by [github.com/trueup-rl/trueup/fp16.Decode] first.
//
// A logit of -Inf is a token that cannot be chosen. So is one with z below −2³⁰:
// masks made of the most negative number work. NaN, +Inf and z above 2³⁰ are
// faults: a row that holds one has NaN for every figure, and NonFinite counts
// them. A row of -Inf throughout has no distribution: LogSumExp and LogProb are
// -Inf and Entropy is 0. An empty row has no token to choose, and [Of] panics.
//
// The inverse temperature must lie between 2⁻⁶⁴ and 2⁶⁴. Every function panics
// on another one, NaN among them.
//
// # Accuracy
//
// The exponentials are float32, within 0.75 ulp, some are added in float32 with
// a correction, and all else is float64. LogSumExp and LogProb are within 5e-7
// of the exact values, and Entropy within 5e-6, for the worst of rows; on a
// language model's, both stay within 1e-7. Divergences are sums of float32 terms,
// none of which cancel, with a relative error of 2e-6 at most, and of 4e-7 on a
// language model's rows.
//
// # Same bits
//
// A result does not depend on the machine, on the number of workers or on the
// neighbours in a batch. A row is cut into chunks of 4,096 logits, each chunk is
// summed in one fixed order, and chunks are added in fixed point, where order
// cannot show. Vocabulary shards that begin at multiples of 4,096 therefore merge to the
// bits of the whole row, in any order; others to a result within the accuracy
// above. BF16 logits give the bits of their float32 values.
package logprob

// Package mismatch measures how far the log-probabilities of a rollout engine
// are from those of the trainer that learns from its rollouts.
//
// Both compute the probability of the same sampled token, one in NVFP4, FP8 or
// BF16 with an inference kernel, the other in the trainer's precision and
// kernels. Per token
//
//	d = trainer log p − rollout log p       w = e^d, the importance ratio
//
// and every statistic here is a function of d: divergences (k1, k2, k3, χ²),
// the effective sample share of token and sequence weights, perplexities.
//
//	layout, err := rows.Ragged(offsets)
//	…
//	var stats mismatch.Stats
//	err = stats.Add(&mismatch.Batch{Layout: layout, Trainer: trainer, Rollout: rollout, Mask: mask})
//	fmt.Println(stats.Summary().K3)
//
// Stats merge exactly: a row's sums are taken in one fixed order, and rows are
// added in fixed point, so micro-batches, workers and ranks may be combined in
// any order without a bit of difference. Only a row that is itself cut is not
// the sum of its parts.
//
// What is made of one token is float32, d rounded once; sums are float32 within
// 512 tokens of a row and float64 above, but for those of the log-probabilities,
// which lose nothing. See [Summary] for what that means.
//
// A token whose log-probability is NaN or infinite on either side, or for whose d
// float32 is too small, is counted and left out. Fully masked rows and batches
// are fine; they count as rows.
package mismatch

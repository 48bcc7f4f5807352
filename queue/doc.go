// Package queue holds finished rollouts between the engines that sample them and
// the trainer that learns from them, and bounds how stale they may be.
//
// A rollout is sampled for a prompt by the policy of some version, the number of
// optimizer steps behind it. Samples of one prompt form a group, which is whole
// before it is used. A batch, one optimizer step, takes a fixed number of groups.
// The staleness of a group is
//
//	S = index of the batch that takes it − version it was started with
//
// in optimizer steps; batch 0 is the first. A queue admits rollouts by tickets:
// the n-th may start, counted from 0 and without those dropped since, once
//
//	n < (gate + version + 1) × batch
//
// which holds the mean staleness at the gate whenever rollouts wait for it, for
// any distribution of their durations. The order in which batches take groups
// decides the rest:
//
//	order       takes                                     S is at most
//	ticket      strictly in the order of starting         gate
//	window      any of the W oldest, finished or not      gate + ⌈(W−1)/batch⌉
//	completion  as they finish                            unbounded
//	freshest    the newest version first                  unbounded
//
// A Config names the bound; where an order has one, the gate follows from it.
// Where it has none, a Violation says what becomes of a group beyond the bound:
// it is taken and counted, dropped, sampled anew, or the trainer waits so that
// none ever is. Dropping what comes late drops what is long: Stats tells by how
// much the lengths of what was taken differ from those of what was finished.
//
// A Queue may be used by any number of goroutines. It reads no clock but the one
// it is given, and holds no goroutine of its own.
//
//	q, err := queue.New[string, Rollout](queue.Config{Batch: 512, MaxStaleness: 4})
//	// each rollout worker
//	t, err := q.Start(ctx, nextPrompt)
//	err = q.Finish(t, sample(t.Prompt, t.Version), tokens)
//	// the trainer
//	b, err := q.Take(ctx)
//	train(b.Groups)
//	q.Done(b)
//	q.Publish(b.Index + 1) // once the engines hold the new weights
package queue

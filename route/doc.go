// Package route decides which rank of an inference fleet, one engine or one
// data-parallel part of it, samples the next turn of a rollout.
//
// An agentic rollout is tens to hundreds of turns that share a growing prefix. On
// the rank that had the last turn that prefix is in the KV cache; anywhere else it
// is computed anew. So a rollout has a lease on one rank from its first turn to its
// last, and the tokens of its context, shared prompts of a group once, count
// against that rank's capacity for as long, also while the rollout waits for its
// environment. Let C be a rank's capacity, K the tokens of the rollouts that have
// it, n those that a rollout brings. The policy KVLease then does this:
//
//	place    a new rollout goes to the rank with the least K/C among those with
//	         K + n ≤ Admit·C, of equals the one chosen least recently, or to one that
//	         holds its group's prompt and is not much fuller; else it waits
//	stick    every later turn goes to the same rank
//	park     unless K > C and the rank has evicted most of its prefix: then it gives
//	         up its lease, and is next to get one of any rank with K + n ≤ Resume·C
//	fail     rollouts of a rank that fails or drains, or is removed, go on like
//	         parked ones; no other rollout moves
//
// Those that wait are served in turn, parked ones before new ones. A rank that
// nobody has takes any rollout, so that none is too large to be served. Contexts
// grow beyond a budget after they were let in; nothing is let in beyond one.
//
// What a rank has evicted is estimated: it is taken to keep what was used last.
//
// The other policies are those in use elsewhere, to compare; none of them has a
// budget of tokens. A Router may be used by any number of goroutines. It reads no
// clock but the one it is given, holds no goroutine of its own, and decides alike
// for the same seed and the same calls in the same order.
//
//	r, err := route.New(route.Config{}, route.Rank{ID: "a", Capacity: 1 << 20}, …)
//	lease, err := r.Place(ctx, route.Rollout{ID: id, Tokens: prompt, Reserve: usual})
//	for !done {
//		usage := send(lease.Rank, …)
//		err = r.Grow(lease, usage.Prompt+usage.Output)
//		observe(environment)
//		lease, err = r.Next(ctx, id)
//	}
//	err = r.Finish(id)
package route

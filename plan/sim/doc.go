// Package sim simulates the two stages of a reinforcement-learning pipeline event
// by event: engines that hold a fixed number of trajectories, and a trainer that
// takes them in batches through a queue.Queue, the very type that runs in
// production, with its gate, its orders of taking and its ways with stale groups.
//
// Durations of trajectories, of their environments and of optimizer steps come
// from a plan.Shape each. What is not simulated is the inside of an engine: a
// trajectory takes as long as it takes whatever else runs.
//
// A run depends on its Config, seed included, and on nothing else. Random numbers
// are functions of the seed and of what they are for, the n-th prompt's second
// sample, say, so that two configurations meet the same workload and differ by
// what they do with it.
//
//	s, err := plan.Solve(inputs)
//	c := sim.FromPlan(inputs, s.Plan)
//	c.Queue.MaxStaleness = 4
//	r, err := sim.Run(c)
//	fmt.Println(r.StepSeconds, r.FirstToken.Quantile(0.99), r.LengthBias)
package sim

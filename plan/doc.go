// Package plan shares the GPUs of a fleet out between the engines that sample
// rollouts and the trainer that learns from them, and says how stale the rollouts
// will be.
//
// A step of B trajectories with L generated tokens each, and r others for one
// generated, costs the engines B·L/s GPU-seconds at s output tokens per second and
// GPU, and the trainer B·L·(1+r)/s′ at s′ tokens per second and GPU. The stages
// overlap, so that a step on n + n′ GPUs takes
//
//	τ = max(B·L/(n·s), B·L·(1+r)/(n′·s′), B·E[D]/K)
//
// where the last bound is that of latency: K trajectories in flight, each of which
// takes E[D] at least. The shortest step is where the first two are equal, at
// n′/n = (1+r)·s/s′, and lasts as long as all GPU-seconds shared among all GPUs.
// A faster engine moves that point: until the split follows, it gains nothing.
//
// The staleness of a trajectory is the number of optimizer steps before the batch
// that takes it less the version its engine held when it started. By Little's law
// its mean is
//
//	(K + Q)/B + (t_train + t_sync)/τ − ½
//
// with Q trajectories finished and waiting, or the gate of the queue, whichever is
// less. It hardly depends on how much durations vary; its high quantiles do, and
// so does that of a group, which waits for its slowest member.
//
// Solve finds the best split by trying all. WhatIf compares it with the best one
// after a Change, and with not moving at all; Decompose takes a claimed speed-up
// apart. A Replanner follows measurements. Package plan/sim simulates what the
// formulas leave out.
package plan

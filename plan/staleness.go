package plan

import "github.com/trueup-rl/trueup/internal/kernel"

// Staleness is how old trajectories are when a batch takes them, in optimizer
// steps. Mean is the sum of the terms below it, or the gate if that is less.
type Staleness struct {
	Mean float64 `json:"staleness_mean"`
	// FromInFlight is K/B, the trajectories in flight over those of a batch.
	FromInFlight float64 `json:"staleness_from_in_flight"`
	// FromGroup is what trajectories wait for the slowest of their group.
	FromGroup float64 `json:"staleness_from_group"`
	// FromTrain is the trainer's share of the step: while it works on a batch, the
	// weights are those of before.
	FromTrain float64 `json:"staleness_from_train"`
	// FromSync is the share, or number, of steps until engines hold new weights.
	FromSync float64 `json:"staleness_from_sync"`
	// FromPush is (m−1)/2 where weights are pushed every m steps.
	FromPush float64 `json:"staleness_from_push"`
	// FromQueue is what finished trajectories wait beyond half a step, −1/(2B): the
	// last of a batch does not wait.
	FromQueue float64 `json:"staleness_from_queue"`

	P50 float64 `json:"staleness_p50"`
	P95 float64 `json:"staleness_p95"`
	P99 float64 `json:"staleness_p99"`

	// TokenMean is the mean over generated tokens, by the version each was sampled
	// with: long trajectories count for more.
	TokenMean float64 `json:"staleness_token_mean"`
	// Versions is the mean number of versions that are published, the first
	// included, from the start of a trajectory to its end.
	Versions float64 `json:"versions_per_trajectory"`

	// Gated says that the queue's gate holds trajectories back: the mean is its
	// bound then, exactly.
	Gated bool `json:"staleness_gated"`
	// Throttled says that the gate is narrower than full throughput needs, so that
	// steps take longer than they could; only a simulation tells how much.
	Throttled bool `json:"staleness_throttled"`
	// Growth is what every step adds to the staleness where the engines outrun the
	// trainer and nothing holds them back: the figures above are those at the start.
	Growth float64 `json:"staleness_growth"`
	// PhaseLocked says that durations vary too little for trajectories to get out
	// of step with each other; only a simulation tells how stale they are then.
	PhaseLocked bool `json:"staleness_phase_locked"`
}

// tails are what staleness needs of the shape of durations, in multiples of their
// mean.
type tails struct {
	p50, p95, p99 float64 // quantiles of the slowest of a group
	slowest       float64 // its mean
	// Means over tokens of the time from the start of a group until its slowest is
	// finished, and from the sampling of the token until then.
	byToken, sinceSampled float64
	locked                bool
}

// phaseLockCV is the variation of durations below which trajectories that start
// together still finish together many steps later.
const phaseLockCV = 0.1

func tailsOf(s Shape, group int) tails {
	slowest := func(p float64) float64 { return s.Quantile(kernel.Exp(kernel.Log(p) / float64(group))) }
	together := s.withSlowest(group)
	return tails{
		p50: slowest(0.50), p95: slowest(0.95), p99: slowest(0.99),
		slowest: s.MaxOf(group),
		byToken: together,
		// A token is sampled half-way through its trajectory, on average.
		sinceSampled: together - (1+float64(s.CV()*s.CV()))/2,
		locked:       s.CV() < phaseLockCV,
	}
}

// staleness returns that of a plan whose times are known.
func (e *evaluator) staleness(p *Plan) Staleness {
	push, gate := float64(e.PushEverySteps), float64(e.MaxStaleness)
	t := &e.tails
	s := Staleness{
		FromInFlight: float64(p.InFlight) / float64(e.Batch),
		FromTrain:    p.TrainSeconds / p.StepSeconds,
		FromSync:     e.SyncSeconds / p.StepSeconds,
		FromPush:     (push - 1) / 2,
		FromQueue:    -0.5 / float64(e.Batch),
		PhaseLocked:  t.locked,
	}
	s.FromGroup = float64(s.FromInFlight * (t.slowest - 1))
	// What is taken is as old as the slowest of its group took, k steps for a
	// trajectory on average, and the rest.
	k := s.FromInFlight
	rest := s.FromTrain + s.FromSync + s.FromPush + s.FromQueue
	if least := max(p.RolloutSeconds, p.LatencySeconds); p.StepSeconds > least {
		s.Growth = p.StepSeconds/least - 1
	}
	if gate > 0 && (s.Growth > 0 || float64(k*t.slowest)+rest > gate) {
		s.Gated, s.Growth = true, 0
		k = k * p.RolloutSeconds / p.StepSeconds // engines that wait hold fewer
		s.Throttled = float64(k*t.slowest)+rest > gate
		rest = gate - float64(k*t.slowest)
	}
	at := func(multiple float64) float64 { return max(0, float64(k*multiple)+rest) }
	s.Mean = at(t.slowest)
	s.P50, s.P95, s.P99 = at(t.p50), at(t.p95), at(t.p99)
	s.TokenMean = at(t.byToken)
	if e.InFlightUpdates {
		s.TokenMean = at(t.sinceSampled)
	}
	s.Versions = 1 + k/push
	return s
}

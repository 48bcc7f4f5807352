package sim

import (
	"math"

	"github.com/trueup-rl/trueup/queue"
)

// Report is what was measured over Steps steps, after the warm-up.
type Report struct {
	Seed         uint64 `json:"seed"`
	Steps        int    `json:"steps"`
	Trajectories int64  `json:"trajectories"` // started, warm-up included

	StepSeconds     Estimate `json:"step_seconds"`
	TokensPerSecond float64  `json:"tokens_per_second"` // of trajectories that were trained on

	// Shares of the time that places for trajectories are taken, which is 1 where
	// there is no end of places, and that the trainer works.
	RolloutBusy float64 `json:"rollout_busy"`
	TrainBusy   float64 `json:"train_busy"`

	InFlight float64 `json:"in_flight"` // mean number of trajectories that run
	Waiting  float64 `json:"waiting"`   // and that have finished but are not taken
	// SojournSeconds is the mean time from the start of a trajectory until it is
	// taken.
	SojournSeconds float64 `json:"sojourn_seconds"`

	// Staleness in steps: of trajectories by the version at their start, and of
	// groups by that of the first of their members.
	FirstToken Histogram `json:"first_token"`
	Group      Histogram `json:"group"`
	// LastTokenMean is by the version at the end of trajectories, and the next two
	// are means over tokens: by the version at the start of their trajectory, and
	// by the one in the engine when they were sampled.
	LastTokenMean     float64 `json:"last_token_mean"`
	TokenMean         float64 `json:"token_mean"`
	TokenMeanInFlight float64 `json:"token_mean_in_flight"`
	Versions          float64 `json:"versions"` // mean number during a trajectory

	// What discarding does to what is trained on, in groups.
	Kept           queue.Lengths `json:"kept"`
	Discarded      queue.Lengths `json:"discarded"`
	DiscardedShare float64       `json:"discarded_share"` // of groups
	DiscardedWork  float64       `json:"discarded_work"`  // of tokens
	LengthBias     float64       `json:"length_bias"`     // mean length of those kept over that of all
	LongestTenth   float64       `json:"longest_tenth"`   // share, among trajectories kept, of those in the longest tenth of all
	Violations     int64         `json:"violations"`      // groups taken although too stale
}

// Estimate is a mean and how far it may be off: the true one lies within HalfWidth
// of it 19 times in 20.
type Estimate struct {
	Mean      float64 `json:"mean"`
	HalfWidth float64 `json:"half_width"`
}

// Histogram counts by staleness in steps.
type Histogram []int64

func (h *Histogram) add(steps int64) {
	for int64(len(*h)) <= steps {
		*h = append(*h, 0)
	}
	(*h)[steps]++
}

// Count returns how many there are.
func (h Histogram) Count() (n int64) {
	for _, k := range h {
		n += k
	}
	return n
}

// Mean returns the mean, 0 of none.
func (h Histogram) Mean() float64 {
	var sum int64
	for steps, k := range h {
		sum += int64(steps) * k
	}
	return float64(sum) / float64(max(1, h.Count()))
}

// Quantile returns the least number of steps that a share p or more does not
// exceed.
func (h Histogram) Quantile(p float64) int {
	need := float64(p * float64(h.Count()))
	var n int64
	for steps, k := range h {
		if n += k; float64(n) >= need {
			return steps
		}
	}
	return h.Max()
}

// Max returns the greatest, −1 of none.
func (h Histogram) Max() int { return len(h) - 1 }

// batches is how many parts the steps are cut into, whose means are taken to be
// independent, and student the quantile of the t distribution with one degree of
// freedom less.
const (
	batches = 20
	student = 2.093
)

// meter measures a run, from the first batch after the warm-up until Steps later.
type meter struct {
	warmup, steps int
	started       int64 // trajectories
	taken         int   // batches

	begin, end float64   // of measuring
	parts      []float64 // mean step of each
	partBegin  float64   // of the current one
	partSteps  int

	inFlight, waiting, busy float64 // integrals over time
	sojourn                 float64 // these, sums over trajectories
	tokens                  float64
	lastToken               float64
	byStart, byVersion      float64 // weighted with tokens
	versions                float64
	longest                 int64
	longTokens              float64 // that only a tenth of all exceed
	firstToken, group       Histogram
	before, after           queue.Stats // at begin and end
}

func (m *meter) init(c *Config) {
	m.warmup, m.steps = c.Warmup, c.Steps
	m.longTokens = float64(c.OutputTokens * c.Rollout.Quantile(0.9))
}

func (m *meter) measuring() bool { return m.taken > m.warmup && !m.done() }
func (m *meter) done() bool      { return m.taken > m.warmup+m.steps }

// advance lets d seconds go by.
func (m *meter) advance(d float64, inFlight, waiting int, training bool) {
	if !m.measuring() {
		return
	}
	m.inFlight += float64(d * float64(inFlight))
	m.waiting += float64(d * float64(waiting))
	if training {
		m.busy += d
	}
}

// take counts a batch that the trainer has just taken.
func (m *meter) take(p *pipeline, b *batch) {
	if m.measuring() {
		m.partSteps++
		if i := m.taken - m.warmup; i*batches/m.steps > (i-1)*batches/m.steps {
			m.parts = append(m.parts, (p.now-m.partBegin)/float64(m.partSteps))
			m.partBegin, m.partSteps = p.now, 0
		}
	}
	m.taken++
	switch {
	case m.taken == m.warmup+1:
		m.begin, m.partBegin = p.now, p.now
		m.before = p.queue.Stats()
	case m.done():
		m.end = p.now
		m.after = p.queue.Stats()
	}
	if !m.measuring() {
		return
	}
	for i := range b.Groups {
		g := &b.Groups[i]
		m.group.add(b.Index - g.Version)
		for j := range g.Samples {
			s := &g.Samples[j]
			m.firstToken.add(b.Index - s.first)
			m.sojourn += p.now - s.start
			m.tokens += s.tokens
			m.lastToken += float64(b.Index - s.last)
			m.byStart += float64(s.tokens * float64(b.Index-s.first))
			m.byVersion += float64(s.tokens * (float64(b.Index) - s.mean))
			m.versions += float64(s.last-s.first)/float64(p.PushEverySteps) + 1
			if s.tokens > m.longTokens {
				m.longest++
			}
		}
	}
}

func (m *meter) report(c *Config) Report {
	seconds := m.end - m.begin
	n := float64(m.firstToken.Count())
	kept := lengthsSince(m.before.TakenTokens, m.after.TakenTokens)
	discarded := lengthsSince(m.before.DroppedTokens, m.after.DroppedTokens)
	r := Report{
		Seed: c.Seed, Steps: m.steps, Trajectories: m.started,
		StepSeconds:       Estimate{seconds / float64(m.steps), halfWidth(m.parts)},
		TokensPerSecond:   m.tokens / seconds,
		RolloutBusy:       1,
		TrainBusy:         m.busy / seconds,
		InFlight:          m.inFlight / seconds,
		Waiting:           m.waiting / seconds,
		SojournSeconds:    m.sojourn / n,
		FirstToken:        m.firstToken,
		Group:             m.group,
		LastTokenMean:     m.lastToken / n,
		TokenMean:         m.byStart / m.tokens,
		TokenMeanInFlight: m.byVersion / m.tokens,
		Versions:          m.versions / n,
		Kept:              kept,
		Discarded:         discarded,
		DiscardedShare:    float64(discarded.Groups) / float64(kept.Groups+discarded.Groups),
		DiscardedWork:     float64(discarded.Tokens) / float64(kept.Tokens+discarded.Tokens),
		LongestTenth:      float64(m.longest) / n,
		Violations:        m.after.Violations - m.before.Violations,
	}
	if c.InFlight > 0 {
		r.RolloutBusy = r.InFlight / float64(c.InFlight)
	}
	r.LengthBias = queue.Stats{TakenTokens: kept, DroppedTokens: discarded}.LengthBias()
	return r
}

// halfWidth returns how far the mean of parts may be off: t·s/√n.
func halfWidth(parts []float64) float64 {
	n := float64(len(parts))
	var mean, square float64
	for _, x := range parts {
		mean += x / n
	}
	for _, x := range parts {
		square += float64((x - mean) * (x - mean))
	}
	return float64(student * math.Sqrt(square/(n-1)/n))
}

// lengthsSince returns what was added to a since it was b.
func lengthsSince(b, a queue.Lengths) queue.Lengths {
	a.Groups -= b.Groups
	a.Tokens -= b.Tokens
	for i := range a.Octaves {
		a.Octaves[i] -= b.Octaves[i]
	}
	return a
}

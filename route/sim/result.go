package sim

import (
	"slices"

	"github.com/trueup-rl/trueup/route"
)

// Result is what was measured, from the end of the last rollout of the warm-up on.
type Result struct {
	Policy   route.Policy `json:"policy"`
	Capacity int64        `json:"capacity"` // tokens a rank

	Seconds         float64 `json:"seconds"`
	TokensPerSecond float64 `json:"tokens_per_second"` // sampled, a rank
	HitRate         float64 `json:"hit_rate"`          // of the tokens sent, those cached
	BestHitRate     float64 `json:"best_hit_rate"`     // had no token been computed twice
	// Recomputed is the tokens computed that some rank had computed before, for
	// each that was sampled.
	Recomputed float64 `json:"recomputed"`

	Live        float64 `json:"live"`         // rollouts that have a lease, a rank
	LiveSpread  float64 `json:"live_spread"`  // the most on a rank over the mean
	TokenSpread float64 `json:"token_spread"` // the same of tokens

	P50         float64 `json:"p50"` // seconds from first asking to the end
	P95         float64 `json:"p95"`
	WaitSeconds float64 `json:"wait_seconds"` // mean time a turn waits for its lease
	Parked      float64 `json:"parked"`       // rollouts that gave their lease up
	Moved       float64 `json:"moved"`        // turns on another rank than the last
}

// mean returns the mean of results, of one policy and capacity.
func mean(results []Result) Result {
	m := Result{Policy: results[0].Policy, Capacity: results[0].Capacity}
	n := float64(len(results))
	for _, r := range results {
		m.Seconds += r.Seconds / n
		m.TokensPerSecond += r.TokensPerSecond / n
		m.HitRate += r.HitRate / n
		m.BestHitRate += r.BestHitRate / n
		m.Recomputed += r.Recomputed / n
		m.Live += r.Live / n
		m.LiveSpread += r.LiveSpread / n
		m.TokenSpread += r.TokenSpread / n
		m.P50 += r.P50 / n
		m.P95 += r.P95 / n
		m.WaitSeconds += r.WaitSeconds / n
		m.Parked += r.Parked / n
		m.Moved += r.Moved / n
	}
	return m
}

// meter measures once it is started.
type meter struct {
	on      bool
	began   float64
	sampled float64 // seconds, when ranks were looked at last
	before  route.Stats

	outputs, sent, cached, fresh, again int64
	turns                               int64
	wait                                float64
	latencies                           []float64

	samples                 int
	live, liveMax, tokenMax float64
}

func (m *meter) start(s *simulation, now float64) {
	if m.on {
		return
	}
	m.on, m.began, m.sampled = true, now, now
	m.before = s.router.Stats()
}

// sampleSeconds is how often ranks are looked at.
const sampleSeconds = 5

func (m *meter) sample(s *simulation, now float64) {
	if now < m.sampled+sampleSeconds {
		return
	}
	m.sampled = now
	var live, tokens, liveMost, tokensMost float64
	for _, k := range s.router.Ranks() {
		live += float64(k.Leases)
		tokens += float64(k.Tokens)
		liveMost, tokensMost = max(liveMost, float64(k.Leases)), max(tokensMost, float64(k.Tokens))
	}
	if live == 0 || tokens == 0 {
		return
	}
	n := float64(s.config.Ranks)
	m.samples++
	m.live += live / n
	m.liveMax += liveMost * n / live
	m.tokenMax += tokensMost * n / tokens
}

func (m *meter) waited(seconds float64) {
	if m.on {
		m.turns++
		m.wait += seconds
	}
}

func (m *meter) output(tokens int64) {
	if m.on {
		m.outputs += tokens
	}
}

// prefill counts a request: tokens cached, missing, and of these the ones that no
// rank has computed before.
func (m *meter) prefill(cached, missing, fresh int64) {
	if m.on {
		m.sent += cached + missing
		m.cached += cached
		m.fresh += fresh
		m.again += missing - fresh
	}
}

func (m *meter) ended(seconds float64) {
	if m.on {
		m.latencies = append(m.latencies, seconds)
	}
}

func (m *meter) result(s *simulation) Result {
	after := s.router.Stats()
	slices.Sort(m.latencies)
	quantile := func(p float64) float64 {
		if len(m.latencies) == 0 {
			return 0
		}
		return m.latencies[int(p*float64(len(m.latencies)-1))]
	}
	seconds := s.now - m.began
	samples := float64(max(1, m.samples))
	return Result{
		Policy: s.config.Route.Policy, Capacity: s.config.Capacity,
		Seconds:         seconds,
		TokensPerSecond: float64(m.outputs) / seconds / float64(s.config.Ranks),
		HitRate:         float64(m.cached) / float64(m.sent),
		BestHitRate:     1 - float64(m.fresh)/float64(m.sent),
		Recomputed:      float64(m.again) / float64(m.outputs),
		Live:            m.live / samples,
		LiveSpread:      m.liveMax / samples,
		TokenSpread:     m.tokenMax / samples,
		P50:             quantile(0.5),
		P95:             quantile(0.95),
		WaitSeconds:     m.wait / float64(max(1, m.turns)),
		Parked:          float64(after.Parked - m.before.Parked),
		Moved:           float64(after.Moved - m.before.Moved),
	}
}

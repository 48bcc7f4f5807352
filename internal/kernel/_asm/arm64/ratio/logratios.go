package main

import "github.com/trueup-rl/trueup/internal/kernel/_asm/arm64/neon"

// Places of the sums in ratioLanes of ratio.go.
const (
	sumTrainer = iota
	sumTrainerRest
	sumRollout
	sumRolloutRest
	sumD2
	sumE2
	sumK3
	extremeLeast
	extremeMost
)

// logRatios: d of each token, the sums of log-probabilities and of d², the
// extremes of d.
func logRatios(p *neon.Printer) {
	p.Text("logRatiosNEON", "lanes *float32, d *float32, invalid *uint8, trainer *float32, rollout *float32, groups int", "",
		"is Block.logRatiosGeneric for groups of 16 tokens, at least one; where a d is NaN the extremes are unspecified. lanes points at ratioLanes.")
	s := newSweeper(p)
	d, invalid := s.pointer("d", 4), s.pointer("invalid", 1)
	trainer, rollout := s.pointer("trainer", 4), s.pointer("rollout", 4)
	sumT, restT := s.sum(sumTrainer, 2), s.sum(sumTrainerRest, 2)
	sumR, restR := s.sum(sumRollout, 2), s.sum(sumRolloutRest, 2)
	sumSq, least, most := s.sum(sumD2, 2), s.sum(extremeLeast, 2), s.sum(extremeMost, 2)
	m := masks{p.V(), p.V()}
	t, r, null, valid := p.V(), p.V(), s.zero, p.V()
	s.sweep(func(q, at int) {
		not := m.load(s, invalid, q, at, false)
		p.Comment("Log-probabilities, 0 where a token is not valid")
		s.load(t, trainer, at)
		s.load(r, rollout, at)
		p.Insert(t, null, not)
		p.Insert(r, null, not)
		s.addWithRest(sumT.of[q], restT.of[q], t)
		s.addWithRest(sumR.of[q], restR.of[q], r)
		p.Comment("d = trainer - rollout")
		p.SubFloat(t, r, s.one)
		s.store(d, at, t)
		s.addSquare(sumSq.of[q], t)
		p.Comment("The extremes of those that are valid")
		p.Move(valid, s.sign)
		p.Insert(valid, null, not)
		s.widen(least.of[q], most.of[q], t, valid)
	})
}

// addWithRest: s' = sum + x, rest += (sum - s') + x, sum = s'.
func (s *sweeper) addWithRest(sum, rest, x neon.V) {
	s.Move(s.delta, sum)
	s.add(sum, x)
	s.SubFloat(s.delta, sum, s.one)
	s.add(s.delta, x)
	s.add(rest, s.delta)
}

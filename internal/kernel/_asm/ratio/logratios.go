package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

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
	numLanes
)

// logRatios: d of each token, the sums of log-probabilities and of d², the
// extremes of d.
func (l level) logRatios() {
	TEXT("logRatios"+l.Name, NOSPLIT, "func(lanes, d *float32, invalid *uint8, trainer, rollout *float32, groups int)")
	Pragma("noescape")
	Doc("logRatios"+l.Name+" is Block.logRatiosGeneric for groups of 16 tokens, at least one. lanes points",
		"at ratioLanes.")
	base := Load(Param("lanes"), GP64())
	one := l.register(l.constant("one", 1))
	var d, invalid, trainer, rollout pointer
	var s [numLanes]lanes
	l.sweep(func(p int) {
		for _, i := range []int{sumTrainer, sumTrainerRest, sumRollout, sumRolloutRest, sumD2, extremeLeast, extremeMost} {
			s[i] = l.lanesAt(base, i, p)
		}
	}, func(p int, at func(pointer) Mem) {
		Comment("Log-probabilities, 0 where a token is not valid")
		t, r := l.New(), l.New()
		valid := l.valid(at(invalid))
		if l.Wide() {
			VMOVUPS_Z(at(trainer), valid.k, t)
			VMOVUPS_Z(at(rollout), valid.k, r)
		} else {
			VPANDN(at(trainer), valid.not, t)
			VPANDN(at(rollout), valid.not, r)
		}
		addWithRest(s[sumTrainer], s[sumTrainerRest], t, one)
		addWithRest(s[sumRollout], s[sumRolloutRest], r, one)

		Comment("d = trainer - rollout")
		VSUBPS(r, t, t)
		VMOVUPS(t, at(d))
		s[sumD2].addSquare(t)
		if l.Wide() {
			s[extremeLeast].minWhere(valid.k, t)
			s[extremeMost].maxWhere(valid.k, t)
		} else {
			VORPS(valid.not, t, t) // NaN where not valid
			s[extremeLeast].min(t)
			s[extremeMost].max(t)
		}
	}, func(p int) {
		for _, sum := range s {
			if sum.v != nil {
				sum.save()
			}
		}
	}, func() []pointer {
		d, invalid, trainer, rollout = param("d", 4), param("invalid", 1), param("trainer", 4), param("rollout", 4)
		return []pointer{d, invalid, trainer, rollout}
	})
	VZEROUPPER()
	RET()
}

// selection says which lanes are valid: k, or with AVX2 the others by ones in
// not.
type selection struct {
	k   OpmaskVirtual
	not VecVirtual
}

// valid reads a register's worth of bytes of Block.Invalid.
func (l level) valid(invalid Mem) (s selection) {
	if l.Wide() {
		m := XMM()
		VMOVDQU(invalid, m)
		s.k = K()
		VPTESTNMB(m, m, s.k)
		return s
	}
	s.not = YMM()
	VPMOVSXBD(invalid, s.not)
	return s
}

// addWithRest: s' = sum + x, rest += x - (s' - sum), sum = s'. Half of it goes
// through the multipliers, times 1, which round alike and have less to do.
func addWithRest(sum, rest lanes, x, one VecVirtual) {
	next := sum.New()
	VADDPS(x, sum.v, next)
	VFNMADD132PS(one, next, sum.v)
	VSUBPS(sum.v, x, sum.v)
	VFMADD231PS(one, sum.v, rest.v)
	VMOVAPS(next, sum.v)
}

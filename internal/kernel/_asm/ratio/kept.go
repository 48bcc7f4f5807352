package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// kept: y = 0 where keep is not set; the sums of y − 1 and (y − 1)² and the
// extremes of y elsewhere.
func (l level) kept() {
	TEXT("kept"+l.Name, NOSPLIT, "func(lanes, y *float32, keep *uint8, groups int)")
	Pragma("noescape")
	Doc("kept"+l.Name+" is weightLanes.addKeptGeneric for groups of 16 tokens, at least one. lanes points",
		"at weightLanes.")
	base := Load(Param("lanes"), GP64())
	one := l.register(l.constant("one", 1))
	var null VecVirtual
	if !l.Wide() {
		null = l.Zero()
	}
	var y, keep pointer
	const sum, sumSq, least, most, numLanes = 0, 1, 2, 3, 4
	var s [numLanes]lanes
	l.sweep(func(p int) {
		for i := range s {
			s[i] = l.lanesAt(base, i, p)
		}
	}, func(p int, at func(pointer) Mem) {
		v := l.Load(at(y))
		if l.Wide() {
			m, k := XMM(), K()
			VMOVDQU(at(keep), m)
			VPTESTMB(m, m, k)
			s[least].minWhere(k, v)
			s[most].maxWhere(k, v)
			VMOVAPS_Z(v, k, v)
			VMOVUPS(v, at(y))
			VSUBPS_Z(one, v, k, v)
		} else {
			not, nan := YMM(), YMM()
			VPMOVZXBD(at(keep), not)
			VPCMPEQD(null, not, not)
			VORPS(not, v, nan)
			s[least].min(nan)
			s[most].max(nan)
			VANDNPS(v, not, nan)
			VMOVUPS(nan, at(y))
			VSUBPS(one, v, v)
			VANDNPS(v, not, v)
		}
		s[sum].add(v)
		s[sumSq].addSquare(v)
	}, func(p int) {
		for _, sum := range s {
			sum.save()
		}
	}, func() []pointer {
		y, keep = param("y", 4), param("keep", 1)
		return []pointer{y, keep}
	})
	VZEROUPPER()
	RET()
}

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// spread: sums of |d|, d⁴ and k3², counts of d beyond ±ln 2, and a histogram of
// d. Counting in memory and arithmetic in registers go side by side.
func (l level) spread() {
	TEXT("spread"+l.Name, NOSPLIT, "func(lanes, d, k3 *float32, recent *uint32, groups int)")
	Pragma("noescape")
	Doc("spread"+l.Name+" is spreadLanes.addGeneric and Histogram.addGeneric for groups of 16 tokens, at",
		"least one. lanes points at spreadLanes.")
	base, recent := Load(Param("lanes"), GP64()), Load(Param("recent"), GP64())
	magnitude := l.register(l.word("magnitude", 0x7FFFFFFF))
	ln2, minusLn2 := l.operand("ln2", 0x1.62e43p-1), l.operand("minusLn2", -0x1.62e43p-1)
	bins := l.newBins()
	var d, k3 pointer
	const sumAbs, sumD4, sumK3Sq, over2, underHalf, numLanes = 0, 1, 2, 3, 4, 5
	var s [numLanes]lanes
	l.sweep(func(p int) {
		for i := range s {
			s[i] = l.lanesAt(base, i, p)
		}
	}, func(p int, at func(pointer) Mem) {
		x := l.Load(at(d))
		abs := l.And(x, magnitude)
		bins.tally(recent, x, abs)
		s[sumAbs].add(abs)
		s[over2].countWhere(greater, x, ln2)
		s[underHalf].countWhere(less, x, minusLn2)
		VMULPS(x, x, x)
		s[sumD4].addSquare(x)
		s[sumK3Sq].addSquare(l.Load(at(k3)))
	}, func(p int) {
		for _, sum := range s {
			sum.save()
		}
	}, func() []pointer {
		d, k3 = param("d", 4), param("k3", 4)
		return []pointer{d, k3}
	})
	VZEROUPPER()
	RET()
}

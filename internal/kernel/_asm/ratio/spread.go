package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// spread: sums of |d|, d⁴ and k3², and counts of d beyond ±ln 2.
func (l level) spread() {
	TEXT("spread"+l.Name, NOSPLIT, "func(lanes, d, k3 *float32, groups int)")
	Pragma("noescape")
	Doc("spread"+l.Name+" is spreadLanes.addGeneric for groups of 16 tokens, at least one. lanes",
		"points at spreadLanes.")
	base := Load(Param("lanes"), GP64())
	magnitude := l.register(l.word("magnitude", 0x7FFFFFFF))
	ln2, minusLn2 := l.register(l.constant("ln2", 0x1.62e43p-1)), l.register(l.constant("minusLn2", -0x1.62e43p-1))
	var d, k3 pointer
	const sumAbs, sumD4, sumK3Sq, over2, underHalf, numLanes = 0, 1, 2, 3, 4, 5
	var s [numLanes]lanes
	l.sweep(func(p int) {
		for i := range s {
			s[i] = l.lanesAt(base, i, p)
		}
	}, func(p int, at func(pointer) Mem) {
		x, y := l.Load(at(d)), l.Load(at(k3))
		s[over2].countWhere(greater, x, ln2)
		s[underHalf].countWhere(less, x, minusLn2)
		s[sumAbs].add(l.And(x, magnitude))
		VMULPS(x, x, x)
		s[sumD4].addSquare(x)
		s[sumK3Sq].addSquare(y)
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

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// filter: v = x or x²/2, c = min(max(v, lo), hi), the sums of v, v², c and c²,
// the extremes of v, and how many v lie out of bounds.
func (l level) filter(square bool) {
	name, doc := "filter"+l.Name, "v is x"
	if square {
		name, doc = "filterSquare"+l.Name, "v is x²/2"
	}
	TEXT(name, NOSPLIT, "func(lanes, x *float32, invalid *uint8, lo, hi float32, groups int)")
	Pragma("noescape")
	Doc(name+" is filterLanes.addGeneric for groups of 16 tokens, at least one; "+doc+".",
		"lanes points at filterLanes.")
	base := Load(Param("lanes"), GP64())
	lo, hi := l.Param("lo"), l.Param("hi")
	var x, invalid pointer
	const sum, sumSq, clamped, clampedSq, least, most, high, low, numLanes = 0, 1, 2, 3, 4, 5, 6, 7, 8
	var s [numLanes]lanes
	l.sweep(func(p int) {
		for i := range s {
			s[i] = l.lanesAt(base, i, p)
		}
	}, func(p int, at func(pointer) Mem) {
		valid := l.valid(at(invalid))
		v := l.Load(at(x))
		if square {
			VMULPS(v, v, v)
			VMULPS(l.constant("half", 0.5), v, v)
		}
		s[sum].add(v) // x is 0 where not valid
		s[sumSq].addSquare(v)

		Comment("Clamped, which of 0 may not be 0")
		c := l.New()
		VMINPS(hi, v, c)
		if l.Wide() {
			VMAXPS_Z(lo, c, valid.k, c)
			s[least].minWhere(valid.k, v)
			s[most].maxWhere(valid.k, v)
			s[high].countIn(valid.k, greater, v, hi)
			s[low].countIn(valid.k, less, v, lo)
		} else {
			VMAXPS(lo, c, c)
			VANDNPS(c, valid.not, c)
			VORPS(valid.not, v, v) // NaN where not valid
			s[least].min(v)
			s[most].max(v)
			s[high].countWhere(greater, v, hi)
			s[low].countWhere(less, v, lo)
		}
		s[clamped].add(c)
		s[clampedSq].addSquare(c)
	}, func(p int) {
		for _, sum := range s {
			sum.save()
		}
	}, func() []pointer {
		x, invalid = param("x", 4), param("invalid", 1)
		return []pointer{x, invalid}
	})
	VZEROUPPER()
	RET()
}

package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// lanes is a RowSum that stays in a register during a loop.
type lanes struct {
	l   level
	mem Mem
	v   VecVirtual
}

// lanesAt loads part p of the RowSum that is the i-th after base.
func (l level) lanesAt(base Register, i, p int) lanes {
	s := lanes{l, Mem{Base: base, Disp: i*64 + p*l.bytes(8)}, l.vec()}
	VMOVUPD(s.mem, s.v)
	return s
}

func (s lanes) add(x Op) { VADDPD(x, s.v, s.v) }

// min keeps the smaller; of equals, zeros of either sign too, what was there.
func (s lanes) min(x VecVirtual) { VMINPD(s.v, x, s.v) }

func (s lanes) max(x VecVirtual) { VMAXPD(s.v, x, s.v) }

func (s lanes) save() { VMOVUPD(s.v, s.mem) }

// overParts emits a loop over the groups for each part of a group: with AVX2
// the registers would not hold the sums of both. Pointers named in params are
// walked, each by the size of its element.
func (l level) overParts(name string, params []param, body func(p int, at func(string) Mem), before func(p int), after func(p int)) {
	for p := range l.parts {
		ptrs := map[string]Register{}
		for _, a := range params {
			ptrs[a.name] = Load(Param(a.name), GP64())
		}
		n := Load(Param("groups"), GP64())
		before(p)
		groups(fmt.Sprintf("%s%d", name, p), n, func() {
			body(p, func(name string) Mem {
				for _, a := range params {
					if a.name == name {
						return Mem{Base: ptrs[name], Disp: p * l.bytes(a.size)}
					}
				}
				panic(name)
			})
			for _, a := range params {
				ADDQ(U8(8*a.size), ptrs[a.name])
			}
		})
		after(p)
	}
}

// param is a pointer that a loop walks along.
type param struct {
	name string
	size int // of its element
}

func (l level) load8(m Mem) VecVirtual {
	v := l.vec()
	VMOVUPD(m, v)
	return v
}

func (l level) mask8(m Mem) VecVirtual {
	v := l.vec()
	VPMOVSXBQ(m, v)
	return v
}

// addD: sums of d, |d|, d², d⁴ and the extremes of d.
func (l level) addD() {
	TEXT("addD"+l.name, NOSPLIT, "func(sums, minD, maxD, d *float64, valid *byte, groups int)")
	Pragma("noescape")
	Doc("addD"+l.name+" is the part of RowAcc.addGeneric that looks at d, for groups of 8 tokens. sums",
		"points at the sums of d, |d|, d² and d⁴.")
	sums, lo, hi := Load(Param("sums"), GP64()), Load(Param("minD"), GP64()), Load(Param("maxD"), GP64())
	abs, most, least := l.bits(math.MaxInt64), l.constant(1024), l.constant(-1024)
	var sum, sumAbs, sum2, sum4, minD, maxD lanes
	l.overParts("d", []param{{"d", 8}, {"valid", 1}}, func(p int, at func(string) Mem) {
		d, m := l.load8(at("d")), l.mask8(at("valid"))
		sum.add(d)
		minD.min(l.pick(m, d, most))
		maxD.max(l.pick(m, d, least))
		a := l.vec()
		l.and(abs, d, a)
		sumAbs.add(a)
		VMULPD(d, d, d)
		sum2.add(d)
		VMULPD(d, d, d)
		sum4.add(d)
	}, func(p int) {
		sum, sumAbs, sum2, sum4 = l.lanesAt(sums, 0, p), l.lanesAt(sums, 1, p), l.lanesAt(sums, 2, p), l.lanesAt(sums, 3, p)
		minD, maxD = l.lanesAt(lo, 0, p), l.lanesAt(hi, 0, p)
	}, func(p int) {
		for _, s := range []lanes{sum, sumAbs, sum2, sum4, minD, maxD} {
			s.save()
		}
	})
	VZEROUPPER()
	RET()
}

// addW: sums of w, w² (twice: the bounded one is the same here), k3, k3², and
// how many w lie above 2 and below ½.
func (l level) addW() {
	TEXT("addW"+l.name, NOSPLIT, "func(sums, w, k3 *float64, valid *byte, groups int) (over2, underHalf int)")
	Pragma("noescape")
	Doc("addW"+l.name+" is the part of RowAcc.addGeneric that looks at w and k3, for groups of 8 tokens.",
		"sums points at the sums of w, w², k3, k3² and bounded w².")
	sums := Load(Param("sums"), GP64())
	over, under := GP64(), GP64()
	XORQ(over, over)
	XORQ(under, under)
	two, half := l.constant(2), l.constant(0.5)
	var sum, sum2, sumK3, sumK3Sq, bounded lanes
	l.overParts("w", []param{{"w", 8}, {"k3", 8}, {"valid", 1}}, func(p int, at func(string) Mem) {
		w, k3, m := l.load8(at("w")), l.load8(at("k3")), l.mask8(at("valid"))
		sum.add(w)
		l.count(greater, w, two, m, over)
		l.count(less, w, half, m, under)
		VMULPD(w, w, w)
		sum2.add(w)
		bounded.add(w)
		sumK3.add(k3)
		VMULPD(k3, k3, k3)
		sumK3Sq.add(k3)
	}, func(p int) {
		sum, sum2, sumK3, sumK3Sq, bounded = l.lanesAt(sums, 0, p), l.lanesAt(sums, 1, p), l.lanesAt(sums, 2, p), l.lanesAt(sums, 3, p), l.lanesAt(sums, 4, p)
	}, func(p int) {
		for _, s := range []lanes{sum, sum2, sumK3, sumK3Sq, bounded} {
			s.save()
		}
	})
	Store(over, Return("over2"))
	Store(under, Return("underHalf"))
	VZEROUPPER()
	RET()
}

// addLogProbs: sums of both log-probabilities.
func (l level) addLogProbs() {
	TEXT("addLogProbs"+l.name, NOSPLIT, "func(sums *float64, trainer, rollout *float32, valid *byte, groups int)")
	Pragma("noescape")
	Doc("addLogProbs"+l.name+" is the part of RowAcc.addGeneric that sums log-probabilities, for groups of 8",
		"tokens. sums points at the sums of trainer and rollout.")
	sums := Load(Param("sums"), GP64())
	var t, r lanes
	l.overParts("log", []param{{"trainer", 4}, {"rollout", 4}, {"valid", 1}}, func(p int, at func(string) Mem) {
		x, y, m := l.vec(), l.vec(), l.mask8(at("valid"))
		VCVTPS2PD(at("trainer"), x)
		VCVTPS2PD(at("rollout"), y)
		l.and(m, x, x)
		l.and(m, y, y)
		t.add(x)
		r.add(y)
	}, func(p int) {
		t, r = l.lanesAt(sums, 0, p), l.lanesAt(sums, 1, p)
	}, func(p int) {
		t.save()
		r.save()
	})
	VZEROUPPER()
	RET()
}

// weigh: y = min(max(c, lo), hi), or with zero c inside the bounds and 0
// outside, and the sums of y, y², c, the extremes of y, and how many c lie out
// of bounds.
func (l level) weigh(zero bool) {
	name, doc := "clip"+l.name, " clamps to the bounds"
	if zero {
		name, doc = "pop"+l.name, " zeroes out of bounds"
	}
	TEXT(name, NOSPLIT, "func(acc, y, c *float64, valid *byte, bounds *float64, groups int) (high, low int)")
	Pragma("noescape")
	Doc(name+" is WeightAcc.Weigh for groups of 8 tokens; it"+doc+". acc points at the sums of",
		"weights, of their squares and of ratios, and at the extremes.")
	acc, bounds := Load(Param("acc"), GP64()), Load(Param("bounds"), GP64())
	high, low := GP64(), GP64()
	XORQ(high, high)
	XORQ(low, low)
	lo, hi, lowest := l.vec(), l.vec(), l.vec()
	for i, v := range []VecVirtual{lo, hi, lowest} {
		VBROADCASTSD(Mem{Base: bounds, Disp: i * 8}, v)
	}
	inf, negInf := l.bits(0x7FF0<<48), l.bits(0xFFF0<<48)
	var sum, sumSq, ratio, least, largest lanes
	l.overParts("y", []param{{"y", 8}, {"c", 8}, {"valid", 1}}, func(p int, at func(string) Mem) {
		c, m := l.load8(at("c")), l.mask8(at("valid"))
		ratio.add(c)
		l.count(greater, c, hi, m, high)
		l.count(less, c, lowest, m, low)
		y := l.vec()
		if zero {
			VMOVAPD(c, y)
			l.keepIf(notLess, c, lo, y)
			l.keepIf(notMore, c, hi, y)
		} else {
			VMINPD(hi, c, y)
			VMAXPD(lo, y, y)
			l.and(m, y, y)
		}
		VMOVUPD(y, at("y"))
		least.min(l.pick(m, y, inf))
		largest.max(l.pick(m, y, negInf))
		sum.add(y)
		VMULPD(y, y, y)
		sumSq.add(y)
	}, func(p int) {
		sum, sumSq, ratio, least, largest = l.lanesAt(acc, 0, p), l.lanesAt(acc, 1, p), l.lanesAt(acc, 2, p), l.lanesAt(acc, 3, p), l.lanesAt(acc, 4, p)
	}, func(p int) {
		for _, s := range []lanes{sum, sumSq, ratio, least, largest} {
			s.save()
		}
	})
	Store(high, Return("high"))
	Store(low, Return("low"))
	VZEROUPPER()
	RET()
}

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// weigh: y = min(max(c, lo), hi), or with zero c inside the bounds and 0
// outside; the sums of y − 1 and (y − 1)², the extremes of y, and how many c lie
// out of bounds. A c of 0 is no token.
func (l level) weigh(zero bool) {
	name, doc := "clip"+l.Name, "clamps to the bounds"
	if zero {
		name, doc = "pop"+l.Name, "zeroes out of bounds"
	}
	TEXT(name, NOSPLIT, "func(lanes, y, c *float32, lo, hi, low float32, groups int)")
	Pragma("noescape")
	Doc(name+" is weightLanes.addGeneric for groups of 16 tokens, at least one; it "+doc+".",
		"lanes points at weightLanes.")
	base := Load(Param("lanes"), GP64())
	lo, hi, low := l.Param("lo"), l.Param("hi"), l.Param("low")
	var null VecVirtual
	if !l.Wide() {
		null = l.Zero()
	}
	var y, c pointer
	const sum, sumSq, least, most, high, under, numLanes = 0, 1, 2, 3, 4, 5, 6
	var s [numLanes]lanes
	l.sweep(func(p int) {
		for i := range s {
			s[i] = l.lanesAt(base, i, p)
		}
	}, func(p int, at func(pointer) Mem) {
		x := l.Load(at(c))
		if l.Wide() {
			in := K()
			VPTESTMD(x, x, in)
			s[high].countWhere(greater, x, hi) // of 0 never
			s[under].countIn(in, less, x, low)

			Comment("y from c")
			v := l.weightOf(x, lo, hi, zero)
			VMOVAPS_Z(v, in, v)
			VMOVUPS(v, at(y))
			s[least].minWhere(in, v)
			s[most].maxWhere(in, v)

			Comment("y - 1")
			VSUBPS_Z(l.constant("one", 1), v, in, v)
			s[sum].add(v)
			s[sumSq].addSquare(v)
			return
		}
		out, nan := l.New(), l.New()
		VCMPPS(U8(equal), null, x, out)
		VORPS(out, x, nan) // NaN where there is no token
		s[high].countWhere(greater, nan, hi)
		s[under].countWhere(less, nan, low)

		Comment("y from c")
		v := l.weightOf(x, lo, hi, zero)
		VORPS(out, v, nan)
		s[least].min(nan)
		s[most].max(nan)
		VANDNPS(v, out, nan)
		VMOVUPS(nan, at(y))

		Comment("y - 1")
		VSUBPS(l.constant("one", 1), v, v)
		VANDNPS(v, out, v)
		s[sum].add(v)
		s[sumSq].addSquare(v)
	}, func(p int) {
		for _, sum := range s {
			sum.save()
		}
	}, func() []pointer {
		y, c = param("y", 4), param("c", 4)
		return []pointer{y, c}
	})
	VZEROUPPER()
	RET()
}

// weightOf returns the weight of the ratio c, in its register.
func (l level) weightOf(c, lo, hi VecVirtual, zero bool) VecVirtual {
	if !zero {
		VMINPS(hi, c, c)
		VMAXPS(lo, c, c)
		return c
	}
	if l.Wide() {
		above, inside := K(), K()
		VCMPPS(U8(notLess), lo, c, above)
		VCMPPS(U8(notMore), hi, c, above, inside)
		VMOVAPS_Z(c, inside, c)
		return c
	}
	above, below := l.New(), l.New()
	VCMPPS(U8(notLess), lo, c, above)
	VCMPPS(U8(notMore), hi, c, below)
	VANDPS(above, c, c)
	VANDPS(below, c, c)
	return c
}

// divide: w /= x.
func (l level) divide() {
	TEXT("divide"+l.Name, NOSPLIT, "func(w *float32, x float32, groups int)")
	Pragma("noescape")
	Doc("divide" + l.Name + " is DivideWeights for groups of 16 weights, at least one.")
	factor := l.Param("x")
	l.elementwise(func(m Mem) {
		w := l.Load(m)
		l.Store(l.Div(w, factor), m)
	})
}

// fill: w = x where w is not 0.
func (l level) fill() {
	TEXT("fill"+l.Name, NOSPLIT, "func(w *float32, x float32, groups int)")
	Pragma("noescape")
	Doc("fill" + l.Name + " is FillWeights for groups of 16 weights, at least one.")
	x := l.Param("x")
	var null VecVirtual
	if !l.Wide() {
		null = l.Zero()
	}
	l.elementwise(func(m Mem) {
		w := l.Load(m)
		if l.Wide() {
			k := K()
			VPTESTMD(w, w, k)
			VMOVAPS_Z(x, k, w)
		} else {
			VCMPPS(U8(equal), null, w, w)
			VANDNPS(x, w, w)
		}
		l.Store(w, m)
	})
}

func (l level) elementwise(body func(m Mem)) {
	w := param("w", 4)
	n := Load(Param("groups"), GP64())
	Label("loop")
	for p := range l.parts() {
		body(Mem{Base: w, Disp: p * l.Bytes})
	}
	ADDQ(U8(4*group), w)
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

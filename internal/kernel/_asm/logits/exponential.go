package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// exponential holds what expScaled of expf_generic.go needs, in all lanes. The
// sixteen registers of AVX2 leave most constants in memory.
type exponential struct {
	vec.Level
	scale, floor                     VecVirtual
	base, tau                        VecVirtual // tables of four in each 128 bits, for VPERMILPS
	steps, round, hi, lo, c2, c3, c4 Op
}

func newExponential(l vec.Level) exponential {
	var steps Op = l.Param("steps")
	if !l.Wide() {
		m := AllocLocal(l.Bytes)
		VMOVUPS(steps, m)
		steps = m
	}
	return exponential{
		Level: l,
		scale: l.Param("scale"),
		steps: steps,
		floor: l.Param("floor"),
		base:  table(l, "expBase", 0x3f800000, 0x3f9837f0-1<<21, 0x3fb504f3-2<<21, 0x3fd744fd-3<<21),
		tau:   table(l, "expTau", 0, bits(0x1.125002p-25), bits(0x1.26055cp-26), bits(-0x1.f9c306p-27)),
		round: constant(l, "roundShift", 0x1.8p23),
		hi:    constant(l, "quarterLn2Hi", 0x1.62e8p-3),
		lo:    constant(l, "minusQuarterLn2Lo", 0x1.e8082ep-18),
		c2:    constant(l, "exp2C", 0x1.000006p-1),
		c3:    constant(l, "exp3C", 0x1.5571dap-3),
		c4:    constant(l, "exp4C", 0x1.552112p-5),
	}
}

var bits = math.Float32bits

func table(l vec.Level, name string, words ...uint32) VecVirtual {
	t := l.New()
	if m := vec.Data(name, words...); l.Wide() {
		VBROADCASTF32X4(m, t)
	} else {
		VBROADCASTF128(m, t)
	}
	return t
}

// constant returns x in all lanes: of a register, or of memory where those are
// few.
func constant(l vec.Level, name string, x float32) Op {
	m := vec.Data(name, bits(x), bits(x), bits(x), bits(x), bits(x), bits(x), bits(x), bits(x))
	if !l.Wide() {
		return m
	}
	r := l.New()
	VBROADCASTSS(m, r)
	return r
}

// of bounds each d below by floor, in place, and returns e^(scale·d), with the
// instructions for all of them side by side.
func (e exponential) of(d []VecVirtual) []VecVirtual {
	k, n, t := e.registers(d), e.registers(d), e.registers(d)
	r, q, b := n, k, t // registers used again

	Comment("d = max(d, floor), which of a NaN is the NaN")
	for i := range d {
		VMAXPS(d[i], e.floor, d[i])
	}
	Comment("k = round(d·steps), as an integer in the low bits, n = k as float32")
	for i := range d {
		VMOVUPS(e.round, k[i])
		VFMADD231PS(e.steps, d[i], k[i])
	}
	for i := range d {
		VSUBPS(e.round, k[i], n[i])
	}
	Comment("r = (d·scale - n·hi) + (tau - n·lo)")
	for i := range d {
		VPERMILPS(k[i], e.tau, t[i])
	}
	for i := range d {
		VFMADD231PS(e.lo, n[i], t[i])
		VMULPS(e.hi, n[i], r[i])
	}
	for i := range d {
		VFMSUB231PS(e.scale, d[i], r[i])
	}
	for i := range d {
		VADDPS(t[i], r[i], r[i])
	}
	Comment("b = 2^(k/4): the table's entry, k<<21 added to its exponent")
	for i := range d {
		VPERMILPS(k[i], e.base, b[i])
		VPSLLD(U8(21), k[i], k[i])
	}
	for i := range d {
		VPADDD(k[i], b[i], b[i])
	}
	Comment("v = r + r·(r·(c2 + r·(c3 + r·c4)))")
	for i := range d {
		VMOVUPS(e.c4, q[i])
		VFMADD213PS(e.c3, r[i], q[i])
	}
	for i := range d {
		VFMADD213PS(e.c2, r[i], q[i])
	}
	for i := range d {
		VMULPS(r[i], q[i], q[i])
	}
	for i := range d {
		VFMADD213PS(r[i], r[i], q[i])
	}
	Comment("e^(scale·d) = b·v + b")
	for i := range d {
		VFMADD213PS(b[i], b[i], q[i])
	}
	return q
}

func (e exponential) registers(like []VecVirtual) []VecVirtual {
	r := make([]VecVirtual, len(like))
	for i := range r {
		r[i] = e.New()
	}
	return r
}

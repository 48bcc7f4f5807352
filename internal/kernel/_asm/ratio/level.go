package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// level adds to vec.Level what these kernels share: groups of 16 tokens, and 16
// lanes of every sum.
type level struct{ vec.Level }

// group is the number of tokens of a group.
const group = 16

// parts is the number of registers that a group takes.
func (l level) parts() int { return 4 * group / l.Bytes }

// pointer is a parameter that moves on with the groups.
type pointer struct {
	Register
	size int // bytes that belong to a token
}

func param(name string, size int) pointer { return pointer{Load(Param(name), GP64()), size} }

// sweep emits a loop over the groups for each part of a group: AVX2 has not the
// registers for the sums of both. at returns the memory of part p.
func (l level) sweep(before func(p int), body func(p int, at func(pointer) Mem), after func(p int), pointers func() []pointer) {
	for p := range l.parts() {
		moving := pointers()
		n := Load(Param("groups"), GP64())
		before(p)
		loop := fmt.Sprintf("part%d", p)
		Label(loop)
		body(p, func(a pointer) Mem {
			return Mem{Base: a, Disp: p * l.Bytes / 4 * a.size}
		})
		for _, a := range moving {
			ADDQ(U8(group*a.size), a)
		}
		DECQ(n)
		JNZ(LabelRef(loop))
		after(p)
	}
}

// lanes are part p of the 16 lanes of a sum, in a register during a loop.
type lanes struct {
	level
	mem Mem
	v   VecVirtual
}

// lanesAt loads part p of the i-th sum at base.
func (l level) lanesAt(base Register, i, p int) lanes {
	s := lanes{l, Mem{Base: base, Disp: i*4*group + p*l.Bytes}, l.New()}
	VMOVUPS(s.mem, s.v)
	return s
}

func (s lanes) save() { VMOVUPS(s.v, s.mem) }

// add: s += x.
func (s lanes) add(x Op) { VADDPS(x, s.v, s.v) }

// addSquare: s += x², rounded once.
func (s lanes) addSquare(x VecVirtual) { VFMADD231PS(x, x, s.v) }

// min keeps the smaller; of equals, zeros of either sign too, what was there. A
// NaN in x changes nothing.
func (s lanes) min(x VecVirtual) { VMINPS(s.v, x, s.v) }

func (s lanes) max(x VecVirtual) { VMAXPS(s.v, x, s.v) }

// minWhere and maxWhere look only at the lanes of the mask. AVX-512.
func (s lanes) minWhere(k, x Register) { VMINPS(s.v, x, k, s.v) }

func (s lanes) maxWhere(k, x Register) { VMAXPS(s.v, x, k, s.v) }

// countWhere adds 1 to the counters where (a pred b), b being a register or
// memory. A comparison with NaN counts nothing.
func (s lanes) countWhere(pred int, a VecVirtual, b Op) {
	if s.Wide() {
		k := K()
		VCMPPS(U8(pred), b, a, k)
		VPSUBD(s.allOnes(), s.v, k, s.v)
		return
	}
	c := s.New()
	VCMPPS(U8(pred), b, a, c)
	VPSUBD(c, s.v, s.v)
}

// countIn is countWhere for the lanes of the mask in. AVX-512.
func (s lanes) countIn(in Register, pred int, a, b VecVirtual) {
	k := K()
	VCMPPS(U8(pred), b, a, in, k)
	VPSUBD(s.allOnes(), s.v, k, s.v)
}

// allOnes returns −1 in every lane. AVX-512.
func (l level) allOnes() Op { return l.word("minusOne", 0xFFFFFFFF) }

// Predicates of VCMPPS, ordered and quiet.
const (
	equal   = 0x00
	less    = 0x11
	greater = 0x1E
	notLess = 0x1D // a ≥ b
	notMore = 0x12 // a ≤ b
)

// constant returns x in all lanes, in memory: each is used once in a loop.
func (l level) constant(name string, x float32) Op { return l.word(name, math.Float32bits(x)) }

func (l level) word(name string, w uint32) Op {
	words := make([]uint32, group)
	for i := range words {
		words[i] = w
	}
	return vec.Data(name, words...)
}

// operand is constant, in a register where there are many.
func (l level) operand(name string, x float32) Op {
	m := l.constant(name, x)
	if l.Wide() {
		return l.register(m)
	}
	return m
}

// register returns what constant does in a register.
func (l level) register(m Op) VecVirtual {
	v := l.New()
	VMOVUPS(m, v)
	return v
}

// table returns four values in each 128 bits, for VPERMILPS.
func (l level) table(name string, words ...uint32) VecVirtual {
	t := l.New()
	if m := vec.Data(name, words...); l.Wide() {
		VBROADCASTF32X4(m, t)
	} else {
		VBROADCASTF128(m, t)
	}
	return t
}

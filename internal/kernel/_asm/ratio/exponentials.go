package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// blockLen is BlockLen of ratio.go.
const blockLen = 512

// exponentials: w = e^d and k3 = e^d − 1 − d in the steps of ExpK3Float32, and
// the sums of k3 and of (k3 + d)². The registers of a group go side by side, so
// that one's latency hides in the other.
func (l level) exponentials() {
	TEXT("exponentials"+l.Name, NOSPLIT, "func(lanes, d, w, k3 *float32, invalid *uint8, trainer, rollout *float32, groups int)")
	Pragma("noescape")
	turn := ""
	if l.Wide() {
		turn = ", two a turn"
	}
	Doc("exponentials"+l.Name+" is Block.exponentialsGeneric for an even number of groups of 16 tokens"+turn+".",
		"lanes points at ratioLanes; trainer and rollout are what the block was made of.")
	base := Load(Param("lanes"), GP64())
	// Two registers: the halves of a group, or two groups of AVX-512, which add to
	// the same lanes one after the other.
	var sumsE2, sumsK3 []lanes
	for p := range l.parts() {
		sumsE2 = append(sumsE2, l.lanesAt(base, sumE2, p))
		sumsK3 = append(sumsK3, l.lanesAt(base, sumK3, p))
	}
	d, w, k3, invalid := param("d", 4), param("w", 4), param("k3", 4), param("invalid", 1)
	trainer, rollout := param("trainer", 4), param("rollout", 4)
	groups := Load(Param("groups"), GP64())
	if l.Wide() {
		SHRQ(U8(1), groups)
	}
	at := func(a pointer, p int) Mem { return Mem{Base: a, Disp: p * l.Bytes / 4 * a.size} }
	bits := math.Float32bits
	tableB := l.table("expBase", 0x3f800000, 0x3f9837f0-1<<21, 0x3fb504f3-2<<21, 0x3fd744fd-3<<21)
	tableTau := l.table("expTau", 0, bits(0x1.125002p-25), bits(0x1.26055cp-26), bits(-0x1.f9c306p-27))
	round, steps := l.operand("roundShift", 0x1.8p23), l.operand("stepsPerUnit", 0x1.715476p+2)
	hi, lo := l.operand("quarterLn2Hi", 0x1.62e8p-3), l.operand("minusQuarterLn2Lo", 0x1.e8082ep-18)
	half, c3 := l.operand("half", 0.5), l.operand("ratio3", 0x1.555556p-3)
	c4, c5 := l.operand("ratio4", 0x1.556772p-5), l.operand("ratio5", 0x1.111338p-7)
	one := l.operand("one", 1)

	var k, n, r, tau, high [2]VecVirtual
	part := func(f func(p int)) {
		for p := range 2 {
			f(p)
		}
	}
	Label("loop")
	part(func(p int) { k[p], n[p], r[p], tau[p], high[p] = l.New(), l.New(), l.New(), l.New(), l.New() })
	u, b, x := n, tau, k // registers used again

	Comment("Meanwhile the next block's log-probabilities come into the cache")
	for line := 0; line < 2*l.Bytes; line += 64 {
		PREFETCHT0(Mem{Base: trainer, Disp: 4*blockLen + line})
		PREFETCHT0(Mem{Base: rollout, Disp: 4*blockLen + line})
	}

	Comment("k = round(4d·log2 e), as an integer in the low bits, n = k as float32")
	part(func(p int) { VMOVUPS(at(d, p), r[p]) })
	part(func(p int) { VMOVUPS(round, k[p]) })
	part(func(p int) { VFMADD231PS(steps, r[p], k[p]) })
	part(func(p int) { VSUBPS(round, k[p], n[p]) })

	Comment("r = (d - n·hi) + (tau - n·lo)")
	part(func(p int) { VPERMILPS(k[p], tableTau, tau[p]) })
	part(func(p int) { VFMADD231PS(lo, n[p], tau[p]) })
	part(func(p int) { VFNMADD231PS(hi, n[p], r[p]) })
	part(func(p int) { VADDPS(tau[p], r[p], r[p]) })

	Comment("b = 2^(k/4): the table's entry, k<<21 added to its exponent")
	part(func(p int) { VPERMILPS(k[p], tableB, b[p]) })
	part(func(p int) { VPSLLD(U8(21), k[p], k[p]) })
	part(func(p int) { VPADDD(k[p], b[p], b[p]) })

	Comment("u = ((½ + r·c3) + r²·(c4 + r·c5))·r²")
	square := k
	part(func(p int) { VMULPS(r[p], r[p], square[p]) })
	part(func(p int) { VMOVUPS(c3, u[p]) })
	part(func(p int) { VMOVUPS(c5, high[p]) })
	part(func(p int) { VFMADD213PS(half, r[p], u[p]) })
	part(func(p int) { VFMADD213PS(c4, r[p], high[p]) })
	part(func(p int) { VFMADD231PS(high[p], square[p], u[p]) })
	part(func(p int) { VMULPS(square[p], u[p], u[p]) })

	Comment("k3 = b·u + (b·r + ((b - 1) - d)), v = u + r")
	part(func(p int) { VSUBPS(one, b[p], x[p]) })
	part(func(p int) { VSUBPS(at(d, p), x[p], x[p]) })
	part(func(p int) { VFMADD231PS(r[p], b[p], x[p]) })
	part(func(p int) { VADDPS(r[p], u[p], r[p]) })
	part(func(p int) { VFMADD231PS(u[p], b[p], x[p]) })
	part(func(p int) { VMOVUPS(x[p], at(k3, p)) })

	Comment("w = b·v + b, 0 where not valid")
	part(func(p int) {
		valid := l.valid(at(invalid, p))
		if l.Wide() {
			VFMADD213PS_Z(b[p], b[p], valid.k, r[p])
		} else {
			VFMADD213PS(b[p], b[p], r[p])
			VPANDN(r[p], valid.not, r[p])
		}
		VMOVUPS(r[p], at(w, p))
	})

	Comment("Σk3, Σ(k3 + d)²")
	part(func(p int) {
		q := p % l.parts()
		sumsK3[q].add(x[p])
		VADDPS(at(d, p), x[p], x[p])
		sumsE2[q].addSquare(x[p])
	})
	for _, a := range []pointer{d, w, k3, invalid, trainer, rollout} {
		ADDQ(U32(2*l.Bytes/4*a.size), a)
	}
	DECQ(groups)
	JNZ(LabelRef("loop"))
	for p := range l.parts() {
		sumsE2[p].save()
		sumsK3[p].save()
	}
	VZEROUPPER()
	RET()
}

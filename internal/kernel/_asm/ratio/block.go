package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// load: d = trainer − rollout, and 0 where masked or not finite.
func (l level) load() {
	TEXT("load"+l.name, NOSPLIT, "func(d *float64, valid *byte, trainer, rollout *float32, mask *byte, maskStep, groups int) (count, nonFinite int, maxAbs float64)")
	Pragma("noescape")
	Doc("load"+l.name+" is Block.loadGeneric for groups of 8 tokens. maskStep is 8, or 0 where mask points",
		"at 8 ones that serve for all. maxAbs is the largest |d|.")
	d, valid := Load(Param("d"), GP64()), Load(Param("valid"), GP64())
	trainer, rollout := Load(Param("trainer"), GP64()), Load(Param("rollout"), GP64())
	mask, step := Load(Param("mask"), GP64()), Load(Param("maskStep"), GP64())
	n := Load(Param("groups"), GP64())
	count, nonFinite := GP64(), GP64()
	XORQ(count, count)
	XORQ(nonFinite, nonFinite)
	maxAbs := l.zero()
	abs := l.bits(math.MaxInt64)
	zero, ones, exponent := YMM(), YMM(), YMM()
	VPXOR(zero, zero, zero)
	VPCMPEQD(ones, ones, ones)
	VPBROADCASTD(constantData(U32(0x7F800000)), exponent)

	groups("load", n, func() {
		t, r := YMM(), YMM()
		VMOVUPS(Mem{Base: trainer}, t)
		VMOVUPS(Mem{Base: rollout}, r)

		Comment("masked = mask == 0; infinite = all exponent bits are set in either")
		masked, infinite, e := YMM(), YMM(), YMM()
		VPMOVZXBD(Mem{Base: mask}, masked)
		VPCMPEQD(zero, masked, masked)
		VPAND(exponent, t, infinite)
		VPCMPEQD(exponent, infinite, infinite)
		VPAND(exponent, r, e)
		VPCMPEQD(exponent, e, e)
		VPOR(e, infinite, infinite)

		Comment("nonFinite = infinite and not masked; valid = neither")
		v := YMM()
		VPANDN(infinite, masked, e)
		addBits(e, nonFinite)
		VPOR(infinite, masked, v)
		VPANDN(ones, v, v)
		addBits(v, count)

		hi, packed := XMM(), XMM()
		VEXTRACTI128(U8(1), v, hi)
		VPACKSSDW(hi, v.AsX(), packed)
		VPACKSSWB(packed, packed, packed)
		VMOVQ(packed, Mem{Base: valid})

		Comment("d = trainer − rollout where valid")
		for p := range l.parts {
			x, y, m := l.vec(), l.vec(), l.vec()
			VCVTPS2PD(l.half(t, p), x)
			VCVTPS2PD(l.half(r, p), y)
			VSUBPD(y, x, x)
			VPMOVSXDQ(l.half(v, p), m)
			l.and(m, x, x)
			VMOVUPD(x, Mem{Base: d, Disp: p * l.bytes(8)})
			l.and(abs, x, x)
			VMAXPD(x, maxAbs, maxAbs)
		}
		ADDQ(U8(8*8), d)
		ADDQ(U8(8), valid)
		ADDQ(U8(8*4), trainer)
		ADDQ(U8(8*4), rollout)
		ADDQ(step, mask)
	})
	y := maxAbs.AsY()
	if l.wide() {
		h := YMM()
		VEXTRACTF64X4(U8(1), maxAbs, h)
		VMAXPD(h, y, y)
	}
	x := XMM()
	VEXTRACTF128(U8(1), y, x)
	VMAXPD(x, maxAbs.AsX(), x)
	other := XMM()
	VPERMILPD(U8(1), x, other)
	VMAXSD(other, x, x)
	Store(count, Return("count"))
	Store(nonFinite, Return("nonFinite"))
	Store(x, Return("maxAbs"))
	VZEROUPPER()
	RET()
}

// half returns the part of eight 32-bit values that makes part p of a group.
func (l level) half(v VecVirtual, p int) Op {
	if l.wide() {
		return v
	}
	if p == 0 {
		return v.AsX()
	}
	x := XMM()
	VEXTRACTI128(U8(1), v, x)
	return x
}

// addBits adds to n the number of 32-bit lanes that are set.
func addBits(v VecVirtual, n GPVirtual) {
	c := GP32()
	VMOVMSKPS(v, c)
	POPCNTL(c, c)
	ADDQ(c.As64(), n)
}

// Constants of exp.go.
var (
	log2e      = 0x1.71547652b82fep+0
	ln2Hi      = 0x1.62e42fec00000p-1
	ln2Lo      = 0x1.d1cf79abc9e3bp-32
	roundShift = 0x1.8p52
	expPoly    = []float64{
		0x1.1f19f5121a461p-29, 0x1.af4dc491be0dfp-26, 0x1.27e510dd8af47p-22, 0x1.71de024589e99p-19,
		0x1.a01a01905f7a8p-16, 0x1.a01a01abe0cdep-13, 0x1.6c16c16c1a07fp-10, 0x1.11111111100ebp-7,
		0x1.555555555554ep-5, 0x1.5555555555557p-3, 0.5,
	}
)

// exp: w = e^d and k3 = e^d − 1 − d, in the steps of split and ExpK3.
func (l level) exp() {
	TEXT("exp"+l.name, NOSPLIT, "func(w, k3, d *float64, valid *byte, groups int)")
	Pragma("noescape")
	Doc("exp" + l.name + " is Block.expGeneric for groups of 8 tokens, none of |d| above Clamp.")
	w, k3, d := Load(Param("w"), GP64()), Load(Param("k3"), GP64()), Load(Param("d"), GP64())
	valid, n := Load(Param("valid"), GP64()), Load(Param("groups"), GP64())
	groups("exp", n, func() {
		// Parts go step by step together, so that one's latency hides in the other.
		part := func(f func(p int)) {
			for p := range l.parts {
				f(p)
			}
		}
		x, t, k := l.vecs(), l.vecs(), l.vecs()
		Comment("n = round(x·log2 e)")
		shift := l.constant(roundShift)
		part(func(p int) {
			VMOVUPD(Mem{Base: d, Disp: p * l.bytes(8)}, x[p])
			VBROADCASTSD(float64Data(log2e), t[p])
			VFMADD213PD(shift, x[p], t[p])
			VSUBPD(shift, t[p], k[p])
		})
		Comment("r + c = x − n·ln 2")
		r, c := l.vecs(), l.vecs()
		part(func(p int) {
			hi := l.constant(ln2Hi)
			VFNMADD213PD(x[p], k[p], hi)
			VBROADCASTSD(float64Data(ln2Lo), r[p])
			VMOVAPD(r[p], c[p])
			VFNMADD213PD(hi, k[p], r[p])
			VSUBPD(r[p], hi, hi)
			VFNMADD213PD(hi, k[p], c[p])
		})
		Comment("q = e^r − 1 − r = r²·poly(r)")
		q := l.vecs()
		part(func(p int) { VBROADCASTSD(float64Data(expPoly[0]), q[p]) })
		for _, a := range expPoly[1:] {
			coefficient := l.constant(a)
			part(func(p int) { VFMADD213PD(coefficient, r[p], q[p]) })
		}
		part(func(p int) {
			r2 := l.vec()
			VMULPD(r[p], r[p], r2)
			VMULPD(r2, q[p], q[p])
		})
		Comment("head = 1 + r, tail = (r − (head − 1)) + (q + c)")
		one := l.constant(1)
		head := l.vecs()
		part(func(p int) {
			VADDPD(one, r[p], head[p])
			u := l.vec()
			VSUBPD(one, head[p], u)
			VSUBPD(u, r[p], r[p])
			VADDPD(q[p], c[p], c[p])
			VADDPD(c[p], r[p], r[p]) // r is tail from here on
		})
		Comment("w = (head + tail)·2ⁿ, k3 = n == 0 ? q : e − d,", "e = w < ½ ? w − 1 : 2ⁿ·tail + (2ⁿ·head − 1)")
		bias, minusOne, half, zero := l.bits(1023<<52), l.constant(-1), l.constant(0.5), l.zero()
		shift = l.constant(roundShift) // again, and x: registers are few
		part(func(p int) {
			m, n := l.vec(), l.vec()
			VADDPD(r[p], head[p], m)
			VSUBPD(shift, t[p], n)
			VPSLLQ(U8(52), t[p], t[p])
			VPADDQ(bias, t[p], t[p])
			VFMADD213PD(minusOne, t[p], head[p])
			VFMADD213PD(head[p], t[p], r[p])
			VMULPD(t[p], m, m)
			VADDPD(minusOne, m, head[p])
			VMOVAPD(l.pickIf(less, m, half, head[p], r[p]), r[p])
			l.and(l.validMask(valid, p), m, m)
			VMOVUPD(m, Mem{Base: w, Disp: p * l.bytes(8)})
			VSUBPD(Mem{Base: d, Disp: p * l.bytes(8)}, r[p], r[p])
			VMOVUPD(l.pickIf(equal, n, zero, q[p], r[p]), Mem{Base: k3, Disp: p * l.bytes(8)})
		})
		ADDQ(U8(8*8), d)
		ADDQ(U8(8*8), w)
		ADDQ(U8(8*8), k3)
		ADDQ(U8(8), valid)
	})
	VZEROUPPER()
	RET()
}

// pickIf returns (a pred b) ? yes : no.
func (l level) pickIf(pred int, a, b, yes, no VecVirtual) VecVirtual {
	v := l.vec()
	if l.wide() {
		k := K()
		VCMPPD(U8(pred), b, a, k)
		VBLENDMPD(yes, no, k, v)
		return v
	}
	VCMPPD(U8(pred), b, a, v)
	VBLENDVPD(v, yes, no, v)
	return v
}

// bins: where each d belongs in a histogram, in the steps of histBin.
func (l level) bins() {
	TEXT("bins"+l.name, NOSPLIT, "func(bin *uint64, d *float64, valid *byte, groups int)")
	Pragma("noescape")
	Doc("bins" + l.name + " is Histogram.Add's choice of bins for groups of 8 tokens.")
	bin, d := Load(Param("bin"), GP64()), Load(Param("d"), GP64())
	valid, n := Load(Param("valid"), GP64()), Load(Param("groups"), GP64())
	base, most, side, none := l.bits(histBase), l.bits(histSide-1), l.bits(histSide), l.bits(2*histSide)
	zero := l.zero()
	groups("bins", n, func() {
		for p := range l.parts {
			x, i := l.load8(Mem{Base: d, Disp: p * l.bytes(8)}), l.vec()
			Comment("i = the bits of |d| above 48, from base on, bounded")
			VPSLLQ(U8(1), x, i)
			VPSRLQ(U8(49), i, i)
			VPSUBD(base, i, i) // small numbers: the upper halves stay 0
			VPMAXSD(zero, i, i)
			VPMINSD(most, i, i)
			Comment("the second half where d is negative, the last bin where not valid")
			VPSRLQ(U8(63), x, x)
			VPSUBQ(x, zero, x)
			l.and(side, x, x)
			VPADDQ(x, i, i)
			VMOVUPD(l.pick(l.mask8(Mem{Base: valid, Disp: p * l.bytes(1)}), i, none), Mem{Base: bin, Disp: p * l.bytes(8)})
		}
		ADDQ(U8(8*8), d)
		ADDQ(U8(8*8), bin)
		ADDQ(U8(8), valid)
	})
	VZEROUPPER()
	RET()
}

// Constants of histogram.go.
const (
	histSide = (6+24)*16 + 2
	histBase = (1023-24)*16 - 1
)

// store: float64 to float32, nearest even.
func (l level) store() {
	TEXT("store"+l.name, NOSPLIT, "func(dst *float32, y *float64, groups int)")
	Pragma("noescape")
	Doc("store" + l.name + " is StoreWeights with factor 1 for groups of 8 tokens.")
	dst, y, n := Load(Param("dst"), GP64()), Load(Param("y"), GP64()), Load(Param("groups"), GP64())
	groups("store", n, func() {
		for p := range l.parts {
			at := Mem{Base: y, Disp: p * l.bytes(8)}
			if l.wide() {
				v := YMM()
				z := ZMM()
				VMOVUPD(at, z)
				VCVTPD2PS(z, v)
				VMOVUPS(v, Mem{Base: dst})
			} else {
				v := XMM()
				VCVTPD2PSY(at, v)
				VMOVUPS(v, Mem{Base: dst, Disp: p * l.bytes(4)})
			}
		}
		ADDQ(U8(8*8), y)
		ADDQ(U8(8*4), dst)
	})
	VZEROUPPER()
	RET()
}

package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// sums emits the sums of each lane of a block. A column is the lanes that one
// register holds.
func sums(l vec.Level) {
	name := "pairSums" + l.Name
	TEXT(name, NOSPLIT, "func(sums, x, y *float32, invTemp, logP, shift, lowest float32) (largest uint32)")
	Pragma("noescape")
	Doc(name+" sets sums to those that addNearGeneric adds to the lanes for a block,",
		"and returns the bits of the largest |δ|: a NaN's are the largest.")
	k := kernel{
		exponential: newExponential(l),
		invTemp:     l.Param("invTemp"),
		logP:        local(l, "logP"),
		shift:       local(l, "shift"),
		lowest:      local(l, "lowest"),
		floor:       inMemory(l, "floor", math.Float32bits(-127*0x1.62e430p-1)),
		sign:        inMemory(l, "sign", 1<<31),
		largest:     l.Zero(),
	}
	to, x, y := Load(Param("sums"), GP64()), Load(Param("x"), GP64()), Load(Param("y"), GP64())

	column, row := GP64(), GP64()
	MOVQ(U32(lanes*4/l.Bytes), column)
	Label("column")
	for i := range k.sum {
		k.sum[i] = l.Zero()
	}
	MOVQ(U32(rows/2), row)
	Label("row")
	k.add(Mem{Base: x}, Mem{Base: y})
	k.add(Mem{Base: x, Disp: 4 * lanes}, Mem{Base: y, Disp: 4 * lanes})
	ADDQ(U32(2*4*lanes), x)
	ADDQ(U32(2*4*lanes), y)
	DECQ(row)
	JNZ(LabelRef("row"))
	for i, s := range k.sum {
		l.Store(s, Mem{Base: to, Disp: 4 * lanes * i})
	}
	SUBQ(U32(4*lanes*rows-l.Bytes), x)
	SUBQ(U32(4*lanes*rows-l.Bytes), y)
	ADDQ(U32(l.Bytes), to)
	DECQ(column)
	JNZ(LabelRef("column"))

	Comment("The largest of the lanes.")
	bits, other := k.largest.AsX(), XMM()
	if l.Wide() {
		upper := YMM()
		VEXTRACTI64X4(U8(1), k.largest, upper)
		VPMAXUD(upper, k.largest.AsY(), k.largest.AsY())
	}
	VEXTRACTI128(U8(1), k.largest.AsY(), other)
	VPMAXUD(other, bits, bits)
	for _, order := range []uint8{0b01_00_11_10, 0b10_11_00_01} {
		VPSHUFD(U8(order), bits, other)
		VPMAXUD(other, bits, bits)
	}
	result := GP32()
	VMOVD(bits, result)
	Store(result, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// local returns memory of the frame with a parameter in all lanes.
func local(l vec.Level, param string) Mem {
	m := AllocLocal(l.Bytes)
	VMOVUPS(l.Param(param), m)
	return m
}

// kernel holds what a term takes, and the sums.
type kernel struct {
	exponential
	invTemp             VecVirtual
	logP, shift, lowest Mem
	floor, sign         Mem
	largest             VecVirtual // |δ|
	sum                 [terms]VecVirtual
}

// add adds the terms of a register of each row.
func (k *kernel) add(x, y Mem) {
	Comment("x, y = max(x, lowest), max(y, lowest)")
	u, d := k.Load(x), k.Load(y)
	VMAXPS(k.lowest, u, u)
	VMAXPS(k.lowest, d, d)
	Comment("d = (y - x)·a - shift")
	VSUBPS(u, d, d)
	VFMSUB213PS(k.shift, k.invTemp, d)
	Comment("u = max(x·a - logP, floor)")
	VFMSUB213PS(k.logP, k.invTemp, u)
	VMAXPS(k.floor, u, u)

	scale, r, kk := k.parts(u)
	Comment("p = scale·(r + k) + scale")
	p := k.New()
	VADDPS(kk, r, p)
	VFMADD213PS(scale, scale, p)

	copied := k.New()
	VMOVUPS(d, copied)
	scale, r, kk = k.parts(copied)
	Comment("e = scale·(r + k) + (scale - 1)")
	less, e := k.New(), k.New()
	VSUBPS(k.one, scale, less)
	VADDPS(kk, r, e)
	VFMADD213PS(less, scale, e)
	Comment("k3 = scale·k + ((scale·r - d) + (scale - 1))")
	VFMSUB213PS(d, scale, r)
	VADDPS(less, r, r)
	k3 := kk
	VFMADD213PS(r, scale, k3)

	Comment("signed = p with the sign of d")
	sign := k.And(d, k.sign)
	signed, magnitude := k.xor(p, sign), k.xor(d, sign)
	VPMAXUD(magnitude, k.largest, k.largest)
	Comment("The sums of p, ±p, p·e, p·|e|, p·k3, p·(d·e - k3) and p·e².")
	VADDPS(p, k.sum[0], k.sum[0])
	VADDPS(signed, k.sum[1], k.sum[1])
	VFMADD231PS(e, p, k.sum[2])
	VFMADD231PS(e, signed, k.sum[3])
	VFMADD231PS(k3, p, k.sum[4])
	VFMSUB213PS(k3, e, d)
	VFMADD231PS(d, p, k.sum[5])
	VMULPS(e, p, p)
	VFMADD231PS(e, p, k.sum[6])
}

func (k *kernel) xor(a, b VecVirtual) VecVirtual {
	d := k.New()
	if k.Wide() {
		VPXORD(b, a, d)
	} else {
		VPXOR(b, a, d)
	}
	return d
}

// addSums emits the addition of a block's sums to those of the lanes.
func addSums(l vec.Level) {
	name := "addPairSums" + l.Name
	TEXT(name, NOSPLIT, "func(lanes *float64, sums *float32)")
	Pragma("noescape")
	Doc(name + " agrees with pairLanes.addSums.")
	to, from, count := Load(Param("lanes"), GP64()), Load(Param("sums"), GP64()), GP64()
	MOVQ(U32(terms), count)
	Label("term")
	for lane := 0; lane < lanes; lane += l.Bytes / 8 {
		at, x := Mem{Base: to, Disp: 8 * lane}, l.New()
		VCVTPS2PD(Mem{Base: from, Disp: 4 * lane}, x)
		VADDPD(at, x, x)
		VMOVUPD(x, at)
	}
	ADDQ(U32(4*lanes), from)
	ADDQ(U32(8*lanes), to)
	DECQ(count)
	JNZ(LabelRef("term"))
	VZEROUPPER()
	RET()
}

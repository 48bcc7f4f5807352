package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// foldLanes: the 16 lanes of each sum added by halves, in float64. Once a block:
// AVX2 serves AVX-512 too.
func foldLanes() {
	TEXT("foldLanesAVX2", NOSPLIT, "func(dst *float64, lanes *float32, n int)")
	Pragma("noescape")
	Doc("foldLanesAVX2 is foldLanesGeneric for n sums, at least one.")
	dst, lanes := param("dst", 8), param("lanes", 4)
	n := Load(Param("n"), GP64())
	Label("loop")
	var s [4]VecVirtual // four lanes each
	for i := range s {
		s[i] = YMM()
		VCVTPS2PD(Mem{Base: lanes, Disp: 16 * i}, s[i])
	}
	VADDPD(s[2], s[0], s[0])
	VADDPD(s[3], s[1], s[1])
	VADDPD(s[1], s[0], s[0])
	hi, lo := XMM(), s[0].AsX()
	VEXTRACTF128(U8(1), s[0], hi)
	VADDPD(hi, lo, lo)
	VPERMILPD(U8(1), lo, hi)
	VADDSD(hi, lo, lo)
	VMOVSD(lo, Mem{Base: dst})
	ADDQ(U8(4*group), lanes)
	ADDQ(U8(8), dst)
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// foldExtremes: the least and the most of 16 lanes by halves, of equals the
// lower lane's.
func foldExtremes() {
	TEXT("foldExtremesAVX2", NOSPLIT, "func(least, most *float32) (lo, hi float32)")
	Pragma("noescape")
	Doc("foldExtremesAVX2 is foldExtremesGeneric.")
	least, most := Load(Param("least"), GP64()), Load(Param("most"), GP64())
	Store(foldBy(least, VMINPS, VMINSS), Return("lo"))
	Store(foldBy(most, VMAXPS, VMAXSS), Return("hi"))
	VZEROUPPER()
	RET()
}

// foldBy folds 16 lanes by an operation that keeps its first operand of equals.
func foldBy(lanes Register, packed, single func(...Op)) Register {
	upper, y := YMM(), YMM()
	VMOVUPS(Mem{Base: lanes, Disp: 32}, upper)
	VMOVUPS(Mem{Base: lanes}, y)
	packed(y, upper, y)
	hi, x := XMM(), y.AsX()
	VEXTRACTF128(U8(1), y, hi)
	packed(x, hi, x)
	VPERMILPD(U8(1), x, hi)
	packed(x, hi, x)
	VMOVSHDUP(x, hi)
	single(x, hi, x)
	return x
}

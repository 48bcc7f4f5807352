package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Constants of histogram.go.
const (
	histSide = (6+24)*16 + 2
	histBase = (127-24)*16 - 1
)

// bins: where each d belongs in a histogram, in the steps of histBin.
func (l level) bins() {
	TEXT("bins"+l.Name, NOSPLIT, "func(bin *uint16, d *float32, groups int)")
	Pragma("noescape")
	Doc("bins" + l.Name + " is histBin for groups of 16 tokens, at least one.")
	bin, d := param("bin", 2), param("d", 4)
	n := Load(Param("groups"), GP64())
	base, most, side := l.register(l.word("histBase", histBase)), l.register(l.word("histMost", histSide-1)), l.register(l.word("histSide", histSide))
	null := l.Zero()
	Label("loop")
	var indices []VecVirtual
	for p := range l.parts() {
		x, i := l.Load(Mem{Base: d, Disp: p * l.Bytes}), l.New()
		Comment("i = the bits of |d| above 19, from base on, bounded")
		VPSLLD(U8(1), x, i)
		VPSRLD(U8(20), i, i)
		VPSUBD(base, i, i)
		VPMAXSD(null, i, i)
		VPMINSD(most, i, i)
		Comment("and the second half where d is negative")
		VPSRAD(U8(31), x, x)
		VPADDD(l.And(x, side), i, i)
		indices = append(indices, i)
	}
	if l.Wide() {
		VPMOVDW(indices[0], Mem{Base: bin})
	} else {
		i := l.PackU32(indices[0], indices[1])
		VPERMQ(U8(0b11_01_10_00), i, i) // packing works within 128 bits
		VMOVDQU(i, Mem{Base: bin})
	}
	ADDQ(U8(2*group), bin)
	ADDQ(U8(4*group), d)
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// tally: one more in each bin, in the tables by turns. AVX2 serves AVX-512 too.
func tally() {
	TEXT("tallyAVX2", NOSPLIT, "func(histogram *int64, bin *uint16, groups int)")
	Pragma("noescape")
	Doc("tallyAVX2 counts groups of 16 bins, at least one, in the tables of a Histogram.")
	const table = 8 * 1024
	histogram, bin := Load(Param("histogram"), GP64()), param("bin", 2)
	n := Load(Param("groups"), GP64())
	Label("loop")
	for t := range group {
		i := GP64()
		MOVWQZX(Mem{Base: bin, Disp: 2 * t}, i)
		INCQ(Mem{Base: histogram, Index: i, Scale: 8, Disp: t % 2 * table})
	}
	ADDQ(U8(2*group), bin)
	DECQ(n)
	JNZ(LabelRef("loop"))
	RET()
}

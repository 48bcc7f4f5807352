package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// Masks are bytes, 32 to a register. AVX2 serves AVX-512 too.

// invalid: all ones where the mask is 0, and how many it is not.
func invalid() {
	TEXT("invalidAVX2", NOSPLIT, "func(invalid, mask *uint8, groups int) (count int)")
	Pragma("noescape")
	Doc("invalidAVX2 is setInvalidGeneric for groups of 32 bytes, at least one, fewer than 256.")
	null, count, ones := YMM(), YMM(), YMM()
	VPXOR(null, null, null)
	VPXOR(count, count, count)
	VPCMPEQB(ones, ones, ones)
	masks(func(dst, src Mem) {
		x := YMM()
		VPCMPEQB(src, null, x)
		VMOVDQU(x, dst)
		VPANDN(ones, x, x)
		VPSUBB(x, count, count)
	}, "invalid", "mask")
	VPSADBW(null, count, count)
	hi, lo := XMM(), count.AsX()
	VEXTRACTI128(U8(1), count, hi)
	VPADDQ(hi, lo, lo)
	VPSHUFD(U8(0b01_00_11_10), lo, hi)
	VPADDQ(hi, lo, lo)
	n := GP64()
	VMOVQ(lo, n)
	Store(n, Return("count"))
	VZEROUPPER()
	RET()
}

// keep: 1 where invalid is 0, else 0.
func keep() {
	TEXT("keepAVX2", NOSPLIT, "func(keep, invalid *uint8, groups int)")
	Pragma("noescape")
	Doc("keepAVX2 is Block.Keep for groups of 32 tokens, at least one.")
	ones := YMM()
	VPCMPEQB(ones, ones, ones)
	masks(func(dst, src Mem) {
		x := YMM()
		VMOVDQU(src, x)
		VPSUBB(ones, x, x) // -1 + 1, 0 + 1
		VMOVDQU(x, dst)
	}, "keep", "invalid")
	VZEROUPPER()
	RET()
}

// masks emits a loop over the groups from src to dst.
func masks(body func(dst, src Mem), dst, src string) {
	d, s := Load(Param(dst), GP64()), Load(Param(src), GP64())
	n := Load(Param("groups"), GP64())
	Label("loop")
	body(Mem{Base: d}, Mem{Base: s})
	ADDQ(U8(32), d)
	ADDQ(U8(32), s)
	DECQ(n)
	JNZ(LabelRef("loop"))
}

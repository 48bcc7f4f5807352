package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"

	. "github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// What is done once a block has one form, for both levels.

// scales emits the scale rule. Blocks stand in the order 0, 1, 4, 5, 2, 3, 6, 7,
// in which pairs of neighbours arrive and from which they leave.
func scales() {
	l := AVX2
	TEXT("mxScalesAVX2", NOSPLIT, "func(scales *uint8, factor, amax *float32, groups int, steps *uint32, zero, nan float32) (nans uint32)")
	Pragma("noescape")
	Doc("mxScalesAVX2 agrees with mxScalesGeneric on groups of 8 blocks, one or more.",
		"It returns whether a block is NaN, as a number that is not 0.")
	scales, factor, amax := Load(Param("scales"), GP64()), Load(Param("factor"), GP64()), Load(Param("amax"), GP64())
	steps := Load(Param("steps"), GP64())
	zeroFactor, nanFactor := l.Param("zero"), l.Param("nan")
	zero, nans := l.Zero(), l.Zero()
	end := Groups(Advance{Pointer: amax, Bytes: 4 * 16}, Advance{Pointer: factor, Bytes: 4 * 16}, Advance{Pointer: scales, Bytes: 8})

	Comment("u: the larger maximum of each pair")
	a, b := l.Load(Mem{Base: amax}), l.Load(Mem{Base: amax, Disp: l.Bytes})
	even, odd := l.New(), l.New()
	VSHUFPS(U8(0b10_00_10_00), b, a, even)
	VSHUFPS(U8(0b11_01_11_01), b, a, odd)
	u := l.MaxU(even, odd)
	Comment("byte = (mantissa + steps[exponent]) >> 23")
	step, all := l.New(), l.New()
	VPCMPEQD(all, all, all)
	VPGATHERDD(all, Mem{Base: steps, Index: l.ShiftR(u, 23), Scale: 4}, step)
	code := l.ShiftR(l.Add(l.And(u, l.Const("mantissa", 1<<23-1)), step), 23)
	Comment("factor = 2^(127-byte), but for bytes 0 and NaN")
	power := l.New()
	VPSUBD(code, l.Const("last", 254), power)
	f := l.MaxU(l.ShiftL(power, 23), l.Const("least", 0x0040_0000))
	isZero, isNaN := l.New(), l.New()
	VPCMPEQD(zero, code, isZero)
	f = l.BlendB(isZero, zeroFactor, f)
	VPCMPGTD(l.Const("infinity", 0x7F80_0000), u, isNaN)
	f = l.BlendB(isNaN, nanFactor, f)
	code = l.Or(code, l.And(isNaN, l.Const("nanByte", 0xFF)))
	VMOVAPS(l.Or(nans, isNaN), nans)
	Comment("Each factor twice; the bytes")
	lo, hi := l.New(), l.New()
	VUNPCKLPS(f, f, lo)
	VUNPCKHPS(f, f, hi)
	l.Store(lo, Mem{Base: factor})
	l.Store(hi, Mem{Base: factor, Disp: l.Bytes})
	bytes := l.PackU32(code, code)
	bytes = l.PackU16(bytes, bytes)
	upper, x := XMM(), XMM()
	VEXTRACTI128(U8(1), bytes, upper)
	VPUNPCKLWD(upper, bytes.AsX(), x)
	VMOVQ(x, Mem{Base: scales})
	end()

	any := GP32()
	VMOVMSKPS(nans, any)
	Store(any, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// multipliers emits the values of scales, each twice.
func multipliers() {
	l := AVX2
	TEXT("mxMultipliersAVX2", NOSPLIT, "func(mult *float32, scales *uint8, groups int)")
	Pragma("noescape")
	Doc("mxMultipliersAVX2 agrees with mxMultipliersGeneric on groups of 8 blocks, one or more.")
	mult, scales := Load(Param("mult"), GP64()), Load(Param("scales"), GP64())
	lower := l.Load(Data("twiceLower", 0, 0, 1, 1, 2, 2, 3, 3))
	upper := l.Load(Data("twiceUpper", 4, 4, 5, 5, 6, 6, 7, 7))
	end := Groups(Advance{Pointer: scales, Bytes: 8}, Advance{Pointer: mult, Bytes: 4 * 16})

	code, isNaN := l.New(), l.New()
	VPMOVZXBD(Mem{Base: scales}, code)
	VPCMPEQD(l.Const("nanByte", 0xFF), code, isNaN)
	v := l.MaxU(l.ShiftL(code, 23), l.Const("least", 0x0040_0000))
	v = l.Or(v, l.And(isNaN, l.Const("quiet", 0x0040_0000)))
	l.Store(l.Permute(lower, v), Mem{Base: mult})
	l.Store(l.Permute(upper, v), Mem{Base: mult, Disp: l.Bytes})
	end()
	VZEROUPPER()
	RET()
}

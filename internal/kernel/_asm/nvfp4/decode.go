package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// decode: a value of E2M1 has zeros in the lower half of its float32, and the
// bytes of the upper half come from two tables.
func decode() {
	l := AVX2
	TEXT("decodeE2M1AVX2", NOSPLIT, "func(dst *float32, codes *byte, mult *float32, upper *[16]uint8, groups int)")
	Pragma("noescape")
	Doc("decodeE2M1AVX2 is decodeE2M1Generic for groups of 8 blocks. upper holds the values' upper bytes.")
	dst, codes, mult := Load(Param("dst"), GP64()), Load(Param("codes"), GP64()), Load(Param("mult"), GP64())
	upper, lower := YMM(), YMM()
	VBROADCASTI128(Mem{Base: Load(Param("upper"), GP64())}, upper)
	VBROADCASTI128(bytesData("SecondBytes", 0, 0, 0x80, 0xC0, 0, 0x40, 0x80, 0xC0, 0, 0, 0x80, 0xC0, 0, 0x40, 0x80, 0xC0), lower)
	nibble, upperHalf := bits(l, "LowNibble", 0x0F0F0F0F), bits(l, "UpperHalf", 0xFFFF0000)
	spread := bytesData("SpreadBlocks", twice(0, 4, 1, 5, 8, 12, 9, 13, 2, 6, 3, 7, 10, 14, 11, 15)...)
	end := groups(l, by(dst, 4*blockLen), by(codes, blockBytes), by(mult, 4))

	for four := 0; four < 8; four += 4 {
		Comment("Bytes 0, 4, 1 and 5 of each block in the lower lane, the others in the upper.")
		x := l.Load(Mem{Base: codes, Disp: blockBytes * four})
		VPSHUFB(spread, x, x)
		VPERMQ(U8(0b11_01_10_00), x, x)
		Comment("Columns i and i+8 by turns: the codes of two blocks, then their upper halves.")
		even := l.And(x, nibble)
		VPSRLW(U8(4), x, x)
		odd := l.And(x, nibble)
		var half []VecVirtual
		for _, c := range []VecVirtual{unpack(VPUNPCKLWD, l, even, odd), unpack(VPUNPCKHWD, l, even, odd)} {
			hi, lo := YMM(), YMM()
			VPSHUFB(c, upper, hi)
			VPSHUFB(c, lower, lo)
			half = append(half, unpack(VPUNPCKLBW, l, lo, hi), unpack(VPUNPCKHBW, l, lo, hi))
		}
		Comment("Their values.")
		for i, h := range half {
			block := four + i
			m, at := broadcast(l, Mem{Base: mult, Disp: 4 * block}), Mem{Base: dst, Disp: 4 * blockLen * block}
			VMOVUPS(l.Mul(l.ShiftL(h, 16), m), at)
			VMOVUPS(l.Mul(l.And(h, upperHalf), m), at.Offset(l.Bytes))
		}
	}
	end()
	VZEROUPPER()
	RET()
}

// decodeWide: a register holds a block, and another the 16 values.
func decodeWide() {
	l := AVX512
	TEXT("decodeE2M1AVX512", NOSPLIT, "func(dst *float32, codes *byte, mult *float32, values *[16]float32, groups int)")
	Pragma("noescape")
	Doc("decodeE2M1AVX512 is decodeE2M1Generic for groups of 16 blocks.")
	dst, codes, mult := Load(Param("dst"), GP64()), Load(Param("codes"), GP64()), Load(Param("mult"), GP64())
	values := l.Load(Mem{Base: Load(Param("values"), GP64())})
	// Byte 0 of dword i begins at the nibble i of the block.
	from := make([]uint8, 64)
	for i := range 16 {
		from[4*i] = uint8(4 * i)
	}
	nibbles := l.Load(bytesData("NibblesToDwords", from...))
	end := groups(l, by(dst, 4*blockLen), by(codes, blockBytes), by(mult, 4))

	for block := range 16 {
		x := ZMM()
		VPBROADCASTQ(Mem{Base: codes, Disp: blockBytes * block}, x)
		VPMULTISHIFTQB(x, nibbles, x)
		VPERMPS(values, x, x) // by the low four bits
		VMULPS_BCST(Mem{Base: mult, Disp: 4 * block}, x, x)
		VMOVUPS(x, Mem{Base: dst, Disp: 4 * blockLen * block})
	}
	end()
	VZEROUPPER()
	RET()
}

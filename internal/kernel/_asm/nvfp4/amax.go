package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// blockAMax takes the largest magnitude of each block as an integer: magnitudes
// order as their bits do. Maxima of ever more blocks share a register: two
// registers are interleaved in both ways, and their maximum holds both.
func blockAMax(l Level) {
	name := "blockAMax" + l.Name
	TEXT(name, NOSPLIT, "func(amax, src *float32, groups int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is blockAMaxGeneric for groups of %d blocks.", name, perGroup(l)))
	amax, src := Load(Param("amax"), GP64()), Load(Param("src"), GP64())
	magnitude := bits(l, "Magnitude", 0x7FFFFFFF)
	end := groups(l, by(amax, 4), by(src, 4*blockLen))

	blocks := make([]VecVirtual, perGroup(l))
	next := 0
	block := func() VecVirtual { // the next one's magnitudes, folded to one register
		x := l.And(magnitude, Mem{Base: src, Disp: 4 * blockLen * next})
		if !l.Wide() {
			x = l.MaxU(x, l.And(magnitude, Mem{Base: src, Disp: 4*blockLen*next + l.Bytes}))
		}
		next++
		return x
	}
	quad := func() VecVirtual { // in each 128-bit lane the maxima of four blocks
		pair := func() VecVirtual {
			a, b := block(), block()
			return l.MaxU(unpack(VPUNPCKLDQ, l, a, b), unpack(VPUNPCKHDQ, l, a, b))
		}
		a, b := pair(), pair()
		return l.MaxU(unpack(VPUNPCKLQDQ, l, a, b), unpack(VPUNPCKHQDQ, l, a, b))
	}
	for i := 0; i < len(blocks); i += 4 {
		Comment(fmt.Sprintf("Maxima of blocks %d to %d, partial in each lane.", i, i+3))
		blocks[i] = quad()
	}
	Comment("The lanes' maxima.")
	if l.Wide() {
		a := foldLanes(l, blocks[0], blocks[4])
		b := foldLanes(l, blocks[8], blocks[12])
		VMOVUPS(foldLanes(l, a, b), Mem{Base: amax})
	} else {
		lo, hi := YMM(), YMM()
		VPERM2I128(U8(0x20), blocks[4], blocks[0], lo)
		VPERM2I128(U8(0x31), blocks[4], blocks[0], hi)
		VMOVUPS(l.MaxU(lo, hi), Mem{Base: amax})
	}
	end()
	VZEROUPPER()
	RET()
}

// foldLanes returns the maxima of neighbouring 128-bit lanes, a's two before b's.
func foldLanes(l Level, a, b VecVirtual) VecVirtual {
	even, odd := l.New(), l.New()
	VSHUFI32X4(U8(0x88), b, a, even)
	VSHUFI32X4(U8(0xDD), b, a, odd)
	return l.MaxU(even, odd)
}

// blockAMaxBF16 does the same in 16-bit words; a block is one 256-bit register.
func blockAMaxBF16(l Level) {
	name := "blockAMaxBF16" + l.Name
	TEXT(name, NOSPLIT, "func(amax *float32, src *uint16, groups int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is blockAMaxBF16Generic for groups of %d blocks.", name, perGroup(l)))
	amax, src := Load(Param("amax"), GP64()), Load(Param("src"), GP64())
	magnitude := bits(l, "MagnitudeBF16", 0x7FFF7FFF)
	end := groups(l, by(amax, 4), by(src, 2*blockLen))

	next := 0
	load := func() VecVirtual {
		x := l.And(magnitude, Mem{Base: src, Disp: l.Bytes * next})
		next++
		return x
	}
	// merge interleaves the results of two calls, of elements of ever more bytes.
	merge := func(lo, hi func(...Op), part func() VecVirtual) func() VecVirtual {
		return func() VecVirtual {
			a, b := part(), part()
			return l.MaxUW(unpack(lo, l, a, b), unpack(hi, l, a, b))
		}
	}
	two := merge(VPUNPCKLWD, VPUNPCKHWD, load)
	four := merge(VPUNPCKLDQ, VPUNPCKHDQ, two)
	eight := merge(VPUNPCKLQDQ, VPUNPCKHQDQ, four)
	Comment("In each 128-bit lane the maxima of eight registers, partial in each lane.")
	m := eight()
	if l.Wide() {
		Comment("Lanes 0 and 1 are of the even blocks, 2 and 3 of the odd ones.")
		swapped, odd := ZMM(), YMM()
		VSHUFI32X4(U8(0xB1), m, m, swapped)
		m = l.MaxUW(m, swapped)
		VEXTRACTI64X4(U8(1), m, odd)
		Comment("Interleave them, as the upper halves of float32.")
		lo, hi, d := XMM(), XMM(), ZMM()
		VPUNPCKLWD(odd.AsX(), m.AsX(), lo)
		VPUNPCKHWD(odd.AsX(), m.AsX(), hi)
		VINSERTI32X4(U8(1), hi, lo.AsY(), lo.AsY())
		VPMOVZXWD(lo.AsY(), d)
		VMOVUPS(l.ShiftL(d, 16), Mem{Base: amax})
	} else {
		Comment("The lanes' maxima, as the upper halves of float32.")
		hi, d := XMM(), YMM()
		VEXTRACTI128(U8(1), m, hi)
		VPMAXUW(hi, m.AsX(), hi)
		VPMOVZXWD(hi, d)
		VMOVUPS(l.ShiftL(d, 16), Mem{Base: amax})
	}
	end()
	VZEROUPPER()
	RET()
}

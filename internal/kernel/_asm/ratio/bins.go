package main

import (
	"math/bits"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Constants of histogram.go.
const (
	histSide  = (6+24)*16 + 2
	histBase  = (127-24)*16 - 1
	histTurns = 4
	turnSize  = 4 // bytes of a counter
)

// bins holds what finding a bin takes, and room for as many as a register has.
type bins struct {
	level
	base, most, side, null VecVirtual
}

func (l level) newBins() bins {
	word := func(name string, w uint32) VecVirtual { return l.register(l.word(name, w)) }
	return bins{
		l, word("histBase", histBase), word("histMost", histSide-1), word("histSide", histSide), l.Zero(),
	}
}

// tally: one more in the bin of each d, in the steps of histBin, in its counters
// by turns.
func (b bins) tally(recent Register, d, abs VecVirtual) {
	Comment("i = the bits of |d| above 19, from base on, bounded")
	i, negative := b.New(), b.New()
	VPSRLD(U8(19), abs, i)
	VPSUBD(b.base, i, i)
	VPMAXSD(b.null, i, i)
	VPMINSD(b.most, i, i)
	Comment("and the second half where d is negative")
	VPSRAD(U8(31), d, negative)
	VPADDD(b.And(negative, b.side), i, i)
	Comment("One more at each i")
	VPSLLD(U8(bits.TrailingZeros(histTurns*turnSize)), i, i)
	for part := range b.Bytes / 16 {
		four := i.AsX()
		if part > 0 {
			four = XMM()
			if b.Wide() {
				VEXTRACTI32X4(U8(part), i, four)
			} else {
				VEXTRACTI128(U8(part), i, four)
			}
		}
		first, second := GP64(), GP64()
		VMOVQ(four, first)
		VPEXTRQ(U8(1), four, second)
		for t, two := range []GPVirtual{first, second} {
			bin := GP64()
			MOVL(two.As32(), bin.As32())
			SHRQ(U8(32), two)
			count(recent, bin, 2*t)
			count(recent, two, 2*t+1)
		}
	}
}

func count(recent, bin Register, turn int) {
	INCL(Mem{Base: recent, Index: bin, Scale: 1, Disp: turn * turnSize})
}

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// accumulators is how many maxima are taken side by side, to hide their latency.
const accumulators = 4

// maximum emits the largest of whole blocks of float32. A NaN may or may not
// show in it.
func maximum(l vec.Level) {
	TEXT("maxLogit"+l.Name, NOSPLIT, "func(x *float32, groups int) float32")
	Pragma("noescape")
	Doc("maxLogit" + l.Name + " agrees with maxLogitGeneric on blocks, one or more, without a NaN.")
	x := Load(Param("x"), GP64())

	best := make([]VecVirtual, accumulators)
	for i := range best {
		best[i] = l.Load(Mem{Base: x, Disp: i * l.Bytes})
	}
	const bytes = 4 * block
	end := vec.Groups(vec.Advance{Pointer: x, Bytes: bytes})
	for at := 0; at < bytes; at += l.Bytes {
		m := best[at/l.Bytes%accumulators]
		VMAXPS(Mem{Base: x, Disp: at}, m, m)
	}
	end()

	VMAXPS(best[1], best[0], best[0])
	VMAXPS(best[3], best[2], best[2])
	VMAXPS(best[2], best[0], best[0])
	m := best[0].AsX()
	for _, upper := range upperHalves(l, best[0]) {
		VMAXPS(upper, m, m)
	}
	for _, order := range []uint8{0b01_00_11_10, 0b10_11_00_01} {
		other := XMM()
		VPERMILPS(U8(order), m, other)
		VMAXPS(other, m, m)
	}
	VZEROUPPER()
	Store(m, ReturnIndex(0)) // by an instruction without VEX prefix
	RET()
}

// maximumBF16 emits the largest and the smallest of whole blocks of BF16 bits as
// signed integers: the largest logit is the former where that is positive, and
// otherwise the latter, for bits of negative numbers order by magnitude.
func maximumBF16(l vec.Level) {
	TEXT("maxLogitBF16"+l.Name, NOSPLIT, "func(x *uint16, groups int) (largest, smallest int16)")
	Pragma("noescape")
	Doc("maxLogitBF16" + l.Name + " returns the extremes of the bits of blocks, one or more, as signed integers.")
	x := Load(Param("x"), GP64())

	largest, smallest := make([]VecVirtual, accumulators), make([]VecVirtual, accumulators)
	for i := range largest {
		largest[i] = l.Load(Mem{Base: x, Disp: i * l.Bytes})
		smallest[i] = l.Load(Mem{Base: x, Disp: i * l.Bytes})
	}
	const bytes = 2 * block
	end := vec.Groups(vec.Advance{Pointer: x, Bytes: bytes})
	for at := 0; at < bytes; at += l.Bytes {
		i := at / l.Bytes % accumulators
		v := l.Load(Mem{Base: x, Disp: at})
		VPMAXSW(v, largest[i], largest[i])
		VPMINSW(v, smallest[i], smallest[i])
	}
	end()

	for _, r := range []struct {
		name string
		best []VecVirtual
		op   func(a, b, d Op)
	}{
		{"largest", largest, func(a, b, d Op) { VPMAXSW(a, b, d) }},
		{"smallest", smallest, func(a, b, d Op) { VPMINSW(a, b, d) }},
	} {
		b := r.best
		r.op(b[1], b[0], b[0])
		r.op(b[3], b[2], b[2])
		r.op(b[2], b[0], b[0])
		m := b[0].AsX()
		for _, upper := range upperHalves(l, b[0]) {
			r.op(upper, m, m)
		}
		for bytes := uint8(8); bytes >= 2; bytes /= 2 {
			other := XMM()
			VPSRLDQ(U8(bytes), m, other)
			r.op(other, m, m)
		}
		word := GP32()
		VPEXTRW(U8(0), m, word)
		Store(word.As16(), Return(r.name))
	}
	VZEROUPPER()
	RET()
}

// upperHalves returns the 128-bit parts of v, but for the lowest.
func upperHalves(l vec.Level, v VecVirtual) []VecVirtual {
	parts := make([]VecVirtual, l.Bytes/16-1)
	for i := range parts {
		parts[i] = XMM()
		if l.Wide() {
			VEXTRACTI32X4(U8(i+1), v, parts[i])
		} else {
			VEXTRACTI128(U8(i+1), v, parts[i])
		}
	}
	return parts
}

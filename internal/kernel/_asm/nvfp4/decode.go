package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// output is what codes are decoded to.
type output struct {
	source
	streaming bool // stores go around the caches
}

var outputs = []output{{float32s, false}, {float32s, true}, {bf16s, false}, {bf16s, true}}

// signature declares a decoder, and returns its parameters.
func (o output) signature(l Level, table string) (dst, codes, mult Register) {
	name := "decodeE2M1" + o.suffix
	twin := name + "Generic"
	if o.streaming {
		name += "Streaming"
	}
	name += l.Name
	TEXT(name, NOSPLIT, fmt.Sprintf("func(dst *%s, codes *byte, mult *float32, %s, groups int)", o.typ, table))
	Pragma("noescape")
	doc := []string{fmt.Sprintf("%s is %s for groups of %d blocks.", name, twin, perGroup(l))}
	if o.streaming {
		doc = append(doc, fmt.Sprintf("dst must be aligned to %d bytes.", l.Bytes))
	}
	Doc(doc...)
	return Load(Param("dst"), GP64()), Load(Param("codes"), GP64()), Load(Param("mult"), GP64())
}

// store writes a register of values.
func (o output) store(x VecVirtual, at Mem) {
	if o.streaming {
		VMOVNTPS(x, at)
	} else {
		VMOVUPS(x, at)
	}
}

// end closes a decoder, behind its loop. Streaming stores are in no order with
// others unless fenced.
func (o output) end() {
	if o.streaming {
		SFENCE()
	}
	VZEROUPPER()
	RET()
}

// decode: a value of E2M1 has zeros in the lower half of its float32, and the
// bytes of the upper half come from two tables.
func decode(o output) {
	l := AVX2
	dst, codes, mult := o.signature(l, "upper *[16]uint8")
	upper, lower := YMM(), YMM()
	VBROADCASTI128(Mem{Base: Load(Param("upper"), GP64())}, upper)
	VBROADCASTI128(bytesData("SecondBytes", 0, 0, 0x80, 0xC0, 0, 0x40, 0x80, 0xC0, 0, 0, 0x80, 0xC0, 0, 0x40, 0x80, 0xC0), lower)
	nibble, upperHalf := bits(l, "LowNibble", 0x0F0F0F0F), bits(l, "UpperHalf", 0xFFFF0000)
	halves := func(c VecVirtual) []VecVirtual {
		hi, lo := l.ShuffleB(upper, c), l.ShuffleB(lower, c)
		return []VecVirtual{l.ZipLow8(lo, hi), l.ZipHigh8(lo, hi)}
	}

	if o.size == 4 {
		spread := bytesData("SpreadBlocks", twice(0, 4, 1, 5, 8, 12, 9, 13, 2, 6, 3, 7, 10, 14, 11, 15)...)
		end := groups(l, by(dst, 4*blockLen), by(codes, blockBytes), by(mult, 4))
		for four := 0; four < perGroup(l); four += 4 {
			Comment("Bytes 0, 4, 1 and 5 of each block in the lower lane, the others in the upper.")
			x := l.Load(Mem{Base: codes, Disp: blockBytes * four})
			VPSHUFB(spread, x, x)
			VPERMQ(U8(0b11_01_10_00), x, x)
			Comment("Columns i and i+8 by turns: the codes of two blocks, then their upper halves.")
			even, odd := nibbles(x, nibble)
			half := append(halves(l.ZipLow16(even, odd)), halves(l.ZipHigh16(even, odd))...)
			Comment("Their values.")
			for i, h := range half {
				block := four + i
				m, at := broadcast(l, Mem{Base: mult, Disp: 4 * block}), Mem{Base: dst, Disp: 4 * blockLen * block}
				o.store(l.Mul(l.ShiftL(h, 16), m), at)
				o.store(l.Mul(l.And(h, upperHalf), m), at.Offset(l.Bytes))
			}
		}
		end()
		o.end()
		return
	}

	r, quiet := newRounder(l), newQuieter(l, upperHalf)
	order := l.Load(bytesData("EvenDwords", dwords(0, 2, 4, 6, 1, 3, 5, 7)...))
	end := groups(l, by(dst, 2*blockLen), by(codes, blockBytes), by(mult, 4))
	numbers := quiet.store(mult)
	for four := 0; four < perGroup(l); four += 4 {
		Comment("Bytes 0 to 3 of each block in the lower lane, the others in the upper.")
		x := l.Permute(order, Mem{Base: codes, Disp: blockBytes * four})
		Comment("The columns in order: the codes of two blocks, then their values as BF16.")
		even, odd := nibbles(x, nibble)
		half := append(halves(l.ZipLow8(even, odd)), halves(l.ZipHigh8(even, odd))...)
		Comment("The products of even and odd columns, rounded.")
		for i, h := range half {
			m, d := broadcast(l, numbers.Offset(4*(four+i))), YMM()
			even := l.ShiftR(r.round(l.Mul(l.ShiftL(h, 16), m)), 16)
			odd := r.round(l.Mul(l.And(h, upperHalf), m))
			VPBLENDW(U8(0b1010_1010), odd, even, d)
			o.store(d, Mem{Base: dst, Disp: 2 * blockLen * (four + i)})
		}
	}
	end()
	o.end()
}

// nibbles returns the lower and the upper nibbles of x's bytes.
func nibbles(x, nibble VecVirtual) (low, high VecVirtual) {
	shifted := YMM()
	VPSRLW(U8(4), x, shifted)
	return AVX2.And(x, nibble), AVX2.And(shifted, nibble)
}

// decodeWide: a register holds a block, and another the 16 values.
func decodeWide(o output) {
	l := AVX512
	dst, codes, mult := o.signature(l, "values *[16]float32")
	values := l.Load(Mem{Base: Load(Param("values"), GP64())})
	// Byte 0 of dword i begins at the nibble i of the block.
	from := make([]uint8, 64)
	for i := range 16 {
		from[4*i] = uint8(4 * i)
	}
	toDwords := l.Load(bytesData("NibblesToDwords", from...))
	block := func(i int, numbers Mem) VecVirtual {
		x := ZMM()
		VPBROADCASTQ(Mem{Base: codes, Disp: blockBytes * i}, x)
		VPMULTISHIFTQB(x, toDwords, x)
		VPERMPS(values, x, x) // by the low four bits
		VMULPS_BCST(numbers.Offset(4*i), x, x)
		return x
	}

	if o.size == 4 {
		end := groups(l, by(dst, 4*blockLen), by(codes, blockBytes), by(mult, 4))
		for i := range perGroup(l) {
			o.store(block(i, Mem{Base: mult}), Mem{Base: dst, Disp: 4 * blockLen * i})
		}
		end()
		o.end()
		return
	}

	r, quiet := newRounder(l), newQuieter(l, bits(l, "UpperHalf", 0xFFFF0000))
	upper := make([]uint8, 64)
	for i := range 32 {
		upper[2*i] = uint8(2*i + 1)
	}
	upperWords := l.Load(bytesData("UpperWords", upper...))
	end := groups(l, by(dst, 2*blockLen), by(codes, blockBytes), by(mult, 4))
	numbers := quiet.store(mult)
	for i := 0; i < perGroup(l); i += 2 {
		x := r.round(block(i, numbers))
		VPERMT2W(r.round(block(i+1, numbers)), upperWords, x) // x is the lower table, and the result
		o.store(x, Mem{Base: dst, Disp: 2 * blockLen * i})
	}
	end()
	o.end()
}

// rounder rounds float32 bits so that their upper half is the nearest BF16, for
// what is not a NaN or a NaN whose lower half is 0.
type rounder struct {
	Level
	half, one, last VecVirtual
}

func newRounder(l Level) rounder {
	r := rounder{Level: l, half: bits(l, "JustHalf", 0x7FFF), one: bits(l, "OneBit", 1)}
	if l.Wide() {
		r.last = bits(l, "LastBit", 1<<16)
	}
	return r
}

// round returns x + 0x7FFF + (x>>16 & 1).
func (r rounder) round(x VecVirtual) VecVirtual {
	sum := r.Add(x, r.half)
	if r.Wide() {
		odd := K()
		VPTESTMD(r.last, x, odd)
		VPADDD(r.one, sum, odd, sum)
		return sum
	}
	return r.Add(sum, r.And(r.ShiftR(x, 16), r.one))
}

// quieter makes NaNs quiet and their lower halves 0, so that products with them
// can be rounded.
type quieter struct {
	Level
	upperHalf, quiet VecVirtual
}

func newQuieter(l Level, upperHalf VecVirtual) quieter {
	return quieter{l, upperHalf, bits(l, "QuietBit", 1<<22)}
}

// store returns memory of the frame that holds a register's worth of numbers.
func (q quieter) store(numbers Register) Mem {
	l := q.Level
	m := l.Load(Mem{Base: numbers})
	to := AllocLocal(l.Bytes)
	if l.Wide() {
		nan := compareK(Unordered, m, m)
		VPANDD(q.upperHalf, m, nan, m)
		VPORD(q.quiet, m, nan, m)
	} else {
		VBLENDVPS(compare(Unordered, m, m), l.Or(l.And(m, q.upperHalf), q.quiet), m, m)
	}
	l.Store(m, to)
	return to
}

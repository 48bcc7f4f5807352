package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// Encoding with AVX-512. Eight registers of codes give 64 bytes: each adds its
// nibble to the dwords of one register, which a permutation of bytes puts in
// order. A register of float32 values is a block. One of BF16 words is two blocks,
// and its even and odd columns become a register each.

// nibbleFunc returns the codes of a register of values, in the low nibble of each dword.
type nibbleFunc func(x VecVirtual) VecVirtual

// encodeWide emits the encoding of a group. begin is called before the values of
// a register of the source and gets a function that returns its blocks' numbers
// out of those at m; end is applied to the 64 bytes of codes.
func (e *encoder) encodeWide(begin func(number func(m Mem) VecVirtual) nibbleFunc, end func(codes VecVirtual)) {
	const stored = 8 // blocks
	for eight := 0; eight < perGroup(AVX512); eight += stored {
		Comment(fmt.Sprintf("Codes of blocks %d to %d.", eight, eight+stored-1))
		acc := ZMM()
		shifted := false
		push := func(c VecVirtual) {
			from := acc
			if !shifted {
				from, shifted = c, true // all of it will be shifted out
			}
			VPSHRDD(U8(4), c, from, acc)
		}
		if e.size == 4 {
			for i := range stored {
				f := begin(func(m Mem) VecVirtual { return broadcast(AVX512, m.Offset(4*(eight+i))) })
				push(f(AVX512.Load(Mem{Base: e.src, Disp: AVX512.Bytes * (eight + i)})))
			}
			e.pairLanes(acc)
			VPERMB(acc, e.wide.order, acc)
		} else {
			for i := 0; i < stored; i += 2 {
				f := begin(func(m Mem) VecVirtual {
					both := broadcast(AVX512, m.Offset(4*(eight+i)))
					VBROADCASTSS(m.Offset(4*(eight+i+1)), e.wide.upper, both)
					return both
				})
				w := AVX512.Load(Mem{Base: e.src, Disp: e.size * blockLen * (eight + i)})
				push(f(AVX512.ShiftL(w, 16)))
				push(f(AVX512.And(w, e.wide.odd)))
			}
			VPERMB(acc, e.wide.order, acc)
		}
		if end != nil {
			end(acc)
		}
		VMOVDQU64(acc, Mem{Base: e.codes, Disp: blockBytes * eight})
	}
}

// pairLanes turns each pair of dwords, the nibbles of eight blocks' even and odd
// columns, into eight bytes, one a block.
func (e *encoder) pairLanes(acc VecVirtual) {
	even, odd := ZMM(), acc
	VPMULTISHIFTQB(acc, e.wide.evenAt, even)
	VPMULTISHIFTQB(acc, e.wide.oddAt, odd)
	VPTERNLOGD(U8(0xD8), e.wide.lowNibble, even, odd) // lowNibble ? even : odd
}

// wideConstants are in registers; AVX-512 has many.
type wideConstants struct {
	order, evenAt, oddAt, lowNibble VecVirtual
	odd                             VecVirtual
	upper                           OpmaskVirtual // the upper eight dwords
}

func (s source) loadWide() (w wideConstants) {
	l := AVX512
	order := make([]uint8, 64)
	if s.size == 4 {
		// Byte k of block b is byte b of the qword of columns 2k and 2k+1.
		for b := range 8 {
			for k := range 8 {
				order[8*b+k] = uint8(8*k + b)
			}
		}
		w.order = l.Load(bytesData("OrderOfBlocks", order...))
		even, odd := make([]uint8, 64), make([]uint8, 64)
		for i := range even {
			even[i], odd[i] = uint8(4*(i%8)), uint8(28+4*(i%8))
		}
		w.evenAt, w.oddAt = l.Load(bytesData("EvenNibbles", even...)), l.Load(bytesData("OddNibbles", odd...))
		w.lowNibble = bits(l, "LowNibble", 0x0F0F0F0F)
		return w
	}
	// Byte i of the pair p of blocks is byte p of dword i.
	for p := range 4 {
		for i := range 16 {
			order[16*p+i] = uint8(4*i + p)
		}
	}
	w.order = l.Load(bytesData("OrderOfBlockPairs", order...))
	w.odd = bits(l, "UpperHalf", 0xFFFF0000)
	upper := GP32()
	MOVL(U32(0xFF00), upper)
	w.upper = K()
	KMOVW(upper, w.upper)
	return w
}

// Immediates of VRANGEPS: magnitudes compared, the sign of the first source kept.
const (
	smallerMagnitude = 0b0010
	largerMagnitude  = 0b0011
)

// byMagnitude returns the one of a and b with the smaller or larger magnitude, with a's sign.
func byMagnitude(which uint8, a VecVirtual, b Op) VecVirtual {
	d := ZMM()
	VRANGEPS(U8(which), b, a, d)
	return d
}

// Tables of VFIXUPIMMPS, which tell what to write for a quiet NaN, a signalling
// NaN and a zero of either sign; all others stay.
const (
	zeroForNaN  = 0x888 // +0, +0, +0
	largeForNaN = 0x8CC // 90, 90, +0
)

// signed returns a function that encodes v, whose sign travels to the code inside
// the float, but for zeros and NaNs which the table replaces: code<<1 | sign.
func (e *encoder) signed(table uint32) nibbleFunc {
	l := AVX512
	fix := bits(l, fmt.Sprintf("Fixup%X", table), table)
	one, six, power := float(l, "One", 1), float(l, "SixWide", 6), bits(l, "SignAndExponent", 0xFF800000)
	return func(v VecVirtual) VecVirtual {
		VFIXUPIMMPS(U8(0), fix, v, v)
		v = byMagnitude(smallerMagnitude, v, six)
		p := l.And(byMagnitude(largerMagnitude, v, one), power)
		c := e.constants.code(l, l.FMA(p, e.constants.mul, v))
		VPROLD(U8(1), c, c)
		return c
	}
}

// rotate moves the sign from the lowest bit of each nibble to the highest.
func rotate() func(VecVirtual) {
	magnitudes := bits(AVX512, "MagnitudesOfNibbles", 0x77777777)
	return func(codes VecVirtual) {
		signs := ZMM()
		VPSLLW(U8(3), codes, signs)
		VPSRLW(U8(1), codes, codes)
		VPTERNLOGD(U8(0xE4), magnitudes, signs, codes) // magnitudes ? codes : signs
	}
}

func encodeMulWide(s source) {
	l := AVX512
	s.signature(l, "encodeE2M1Mul", "encodeE2M1Mul", "mult *float32")
	e := s.newEncoder(l, "mult")
	encode, rotate := e.signed(zeroForNaN), rotate()
	end := e.groups(l)
	e.encodeWide(func(number func(Mem) VecVirtual) nibbleFunc {
		m := number(Mem{Base: e.factor})
		return func(x VecVirtual) VecVirtual { return encode(l.Mul(x, m)) }
	}, rotate)
	end()
	VZEROUPPER()
	RET()
}

func encodeDivWide(s source) {
	l := AVX512
	s.signature(l, "encodeE2M1Div", "encodeE2M1Div", "parts *float32", divNeedsParts)
	e := s.newEncoder(l, "parts")
	magnitude, sign := bits(l, "Magnitude", math.MaxInt32), bits(l, "CodeSign", 8)
	end := e.groups(l)
	part := Mem{Base: e.factor}
	e.encodeWide(func(number func(Mem) VecVirtual) nibbleFunc {
		hi, lo := number(part.Offset(partHi)), number(part.Offset(partLo))
		most, zero := number(part.Offset(partMost)), number(part.Offset(partZero))
		return func(x VecVirtual) VecVirtual {
			a := minBits(l, l.And(x, magnitude), most)
			a = l.FMA(a, hi, l.Mul(a, lo))
			c := e.constants.encode(l, a) // bit 3 is 0
			VPORD(sign, c, compareK(less, x, zero), c)
			return c
		}
	}, nil)
	end()
	VZEROUPPER()
	RET()
}

func encodeDivideWide(s source) {
	l := AVX512
	s.signature(l, "encodeE2M1Divide", "encodeE2M1Div", "div *float32")
	e := s.newEncoder(l, "div")
	encode, rotate := e.signed(largeForNaN), rotate()
	end := e.groups(l)
	e.encodeWide(func(number func(Mem) VecVirtual) nibbleFunc {
		by := number(Mem{Base: e.factor})
		return func(x VecVirtual) VecVirtual { return encode(l.Div(x, by)) }
	}, rotate)
	end()
	VZEROUPPER()
	RET()
}

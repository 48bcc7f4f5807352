package main

import (
	"encoding/binary"
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// decode emits dst[i] = value(src[i])·factor, for factors that make no NaN. Each
// tile has one.
//
// The bits of a value end in 16 zeros. The other two bytes, high and low, are
// found for a register of codes at once.
func (f format) decode(l vec.Level) {
	group := l.Bytes
	TEXT("decode"+f.name+l.Name, NOSPLIT, "func(dst *float32, src *uint8, tiles, turns int, factors *float32)")
	Pragma("noescape")
	Doc(fmt.Sprintf("decode%s%s agrees with decode%sGeneric on each tile of so many turns,", f.name, l.Name, f.name),
		fmt.Sprintf("groups of %d; one or more of both. The factors are finite and not 0.", group))
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	factors := Load(Param("factors"), GP64())
	factor := l.New()
	zero := l.Zero()
	order := l.Load(vec.Data("spread"+l.Name, spread(l)...))
	var d decoder
	if l.Wide() {
		d = newLookup(l, f)
	} else {
		d = newShifter(l, f)
	}
	endTurn, endTile := vec.Tiles(func() { VBROADCASTSS(Mem{Base: factors}, factor) })

	code := l.Permute(order, Mem{Base: src})
	high, low := d.magnitude(code)
	high = l.OrAnd(high, code, l.Const("signs", 0x80808080))
	for i, half := range []VecVirtual{l.ZipLow8(low, high), l.ZipHigh8(low, high)} {
		for j, value := range []VecVirtual{l.ZipLow16(zero, half), l.ZipHigh16(zero, half)} {
			l.Store(l.Mul(factor, value), Mem{Base: dst, Disp: (2*i + j) * l.Bytes})
		}
	}
	endTurn(
		vec.Advance{Pointer: src, Bytes: uint32(group)},
		vec.Advance{Pointer: dst, Bytes: uint32(4 * group)})
	endTile(vec.Advance{Pointer: factors, Bytes: 4})
	VZEROUPPER()
	RET()
}

// spread returns the order of 32-bit lanes in which the four codes that end up in
// a 128-bit lane of the j-th result are the j-th quarter of that lane.
func spread(l vec.Level) []uint32 {
	lanes := l.Bytes / 16
	order := make([]uint32, 4*lanes)
	for i := range order {
		lane, j := i/4, i%4
		order[i] = uint32(lanes*j + lane)
	}
	return order
}

// decoder returns the two bytes of the magnitudes of codes.
type decoder interface {
	magnitude(code VecVirtual) (high, low VecVirtual)
}

// value returns the upper half of the float32 bits of a code without sign.
func (f format) value(code int) uint32 {
	ones := 1<<(7-f.mantissa) - 1
	exponent, mantissa := code>>f.mantissa, code&(1<<f.mantissa-1)
	switch {
	case code > int(f.max) && exponent == ones && mantissa == 0:
		return 0x7F80 // infinity
	case code > int(f.max):
		return 0x7FC0 // quiet NaN
	case exponent == 0:
		return math.Float32bits(f.min*float32(mantissa)/float32(int(1)<<f.mantissa)) >> 16
	}
	return uint32(exponent+127-f.bias)<<7 | uint32(mantissa)<<(7-f.mantissa)
}

// table returns the high and low bytes of the values of codes.
func (f format) table(codes []int) (high, low []uint32) {
	h, l := make([]byte, len(codes)), make([]byte, len(codes))
	for i, code := range codes {
		h[i], l[i] = byte(f.value(code)>>8), byte(f.value(code))
	}
	return words(h), words(l)
}

func words(b []byte) []uint32 {
	w := make([]uint32, len(b)/4)
	for i := range w {
		w[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return w
}

// lookup has tables of all 128 magnitudes.
type lookup struct{ high, low [2]VecVirtual }

func newLookup(l vec.Level, f format) lookup {
	codes := make([]int, 128)
	for i := range codes {
		codes[i] = i
	}
	high, low := f.table(codes)
	h, b := vec.Data("high"+f.name, high...), vec.Data("low"+f.name, low...)
	return lookup{
		[2]VecVirtual{l.Load(h), l.Load(h.Offset(l.Bytes))},
		[2]VecVirtual{l.Load(b), l.Load(b.Offset(l.Bytes))},
	}
}

func (t lookup) magnitude(code VecVirtual) (high, low VecVirtual) {
	return vec.Lookup128(t.high, code), vec.Lookup128(t.low, code)
}

// shifter moves a code's exponent and mantissa to their places and adds the
// difference of the biases, which is even and so in the high byte only. That is
// the value of a normal number. The first codes and the last have other values,
// from tables by the lowest four bits of the code.
type shifter struct {
	vec.Level
	format
	last      int // how many codes are at the end of the tables
	high, low VecVirtual
}

func newShifter(l vec.Level, f format) shifter {
	s := shifter{Level: l, format: f, last: 0x7F - int(f.max)}
	codes := make([]int, 16)
	for i := range 1 << f.mantissa {
		codes[i] = i
	}
	for i := 16 - s.last; i < 16; i++ {
		codes[i] = 0x70 | i
	}
	high, low := f.table(append(codes, codes...)) // for both lanes
	s.high = l.Load(vec.Data("nibbleHigh"+f.name, high...))
	s.low = l.Load(vec.Data("nibbleLow"+f.name, low...))
	return s
}

func (s shifter) magnitude(code VecVirtual) (high, low VecVirtual) {
	toHigh, toLow := s.mantissa+1, 7-s.mantissa
	high = s.And(s.ShiftR(code, uint8(toHigh)), s.byte(0x7F>>toHigh))
	high = s.AddB(high, s.byte((127-s.bias)>>1))
	low = s.And(s.ShiftL(code, uint8(toLow)), s.byte(0xFF<<toLow&0xFF))

	// The tables' codes in one range: the last wrap around to before the first.
	rank := s.And(s.AddB(code, s.byte(s.last)), s.byte(0x7F))
	inTable := s.GreaterB(s.byte(1<<s.mantissa+s.last), rank)
	nibble := s.And(code, s.byte(0x0F))
	high = s.BlendB(inTable, s.ShuffleB(s.high, nibble), high)
	low = s.BlendB(inTable, s.ShuffleB(s.low, nibble), low)
	return high, low
}

// byte returns b in all 8-bit lanes.
func (s shifter) byte(b int) VecVirtual {
	return s.Const(fmt.Sprintf("bytes%02X", b), uint32(b)*0x01010101)
}

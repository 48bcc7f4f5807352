// Command bf16 generates the conversions between float32 and BF16.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// group is how many values a turn of a loop converts.
const group = 32

func main() {
	ConstraintExpr("!purego")
	for _, l := range []vec.Level{vec.AVX2, vec.AVX512} {
		encode(l)
		decode(l)
	}
	Generate()
}

// encode emits dst[i] = BF16FromFloat32(src[i]).
func encode(l vec.Level) {
	TEXT("encodeBF16"+l.Name, NOSPLIT, "func(dst *uint16, src *float32, groups int)")
	Pragma("noescape")
	Doc("encodeBF16" + l.Name + " agrees with encodeBF16Generic on groups of 32, one or more.")
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	r := newRounder(l)
	p := newPacker(l)
	end := vec.Groups(
		vec.Advance{Pointer: src, Bytes: 4 * group},
		vec.Advance{Pointer: dst, Bytes: 2 * group})

	x := l.LoadAll(src, group)
	l.IfNaN("nan", x...)
	for i := range x {
		x[i] = r.round(x[i])
	}
	p.store(dst, x)
	Label("next")
	end()
	VZEROUPPER()
	RET()

	Comment("A group that holds a NaN: x | quiet bit, where it is one")
	Label("nan")
	quiet := l.Const("quiet", 1<<22)
	x = l.LoadAll(src, group)
	for i := range x {
		x[i] = l.Select(l.Unordered(x[i], x[i]), l.Or(x[i], quiet), r.round(x[i]))
	}
	p.store(dst, x)
	JMP(LabelRef("next"))
}

// rounder rounds float32 bits so that their upper half is the nearest BF16.
type rounder struct {
	vec.Level
	half VecVirtual // just under half a place
	one  VecVirtual
	last VecVirtual // the lowest bit that is kept
}

func newRounder(l vec.Level) rounder {
	r := rounder{Level: l, half: l.Const("half", 0x7FFF), one: l.Const("one", 1)}
	if l.Wide() {
		r.last = l.Const("last", 1<<16)
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
	odd := r.And(r.ShiftR(x, 16), r.one)
	return r.Add(sum, odd)
}

// packer stores upper halves.
type packer struct {
	vec.Level
	upper VecVirtual // index of the upper halves of two registers
}

func newPacker(l vec.Level) packer {
	p := packer{Level: l}
	if l.Wide() {
		index := make([]uint32, 16)
		for i := range index {
			index[i] = uint32(4*i+1) | uint32(4*i+3)<<16
		}
		p.upper = l.Load(vec.Data("upper", index...))
	}
	return p
}

func (p packer) store(dst Register, x []VecVirtual) {
	for i := 0; i < len(x); i += 2 {
		at := Mem{Base: dst, Disp: i / 2 * p.Bytes}
		if p.Wide() {
			VPERMT2W(x[i+1], p.upper, x[i]) // x[i] is the lower table, and the result
			VMOVDQU64(x[i], at)
			continue
		}
		// Packing leaves the quarters in the order 0, 2, 1, 3.
		w := p.PackU32(p.ShiftR(x[i], 16), p.ShiftR(x[i+1], 16))
		VPERMQ(U8(0b11_01_10_00), w, w)
		VMOVDQU(w, at)
	}
}

// decode emits dst[i] = src[i]<<16.
func decode(l vec.Level) {
	TEXT("decodeBF16"+l.Name, NOSPLIT, "func(dst *float32, src *uint16, groups int)")
	Pragma("noescape")
	Doc("decodeBF16" + l.Name + " agrees with decodeBF16Generic on groups of 32, one or more.")
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	end := vec.Groups(
		vec.Advance{Pointer: src, Bytes: 2 * group},
		vec.Advance{Pointer: dst, Bytes: 4 * group})
	for at := 0; at < 4*group; at += l.Bytes {
		w := l.New()
		VPMOVZXWD(Mem{Base: src, Disp: at / 2}, w)
		VMOVUPS(l.ShiftL(w, 16), Mem{Base: dst, Disp: at})
	}
	end()
	VZEROUPPER()
	RET()
}

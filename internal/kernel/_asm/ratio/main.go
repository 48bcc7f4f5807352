// Command ratio generates the kernels of importance ratios: log-ratios, their
// exponentials, and the sums over a row's tokens. All arithmetic is float64,
// with every operation rounded as in the generic twins.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

//go:generate go run . -out ../../zratio_amd64.s -stubs ../../zratio_amd64.go -pkg kernel

func main() {
	ConstraintExpr("!purego")
	for _, l := range []level{{name: "AVX2", parts: 2}, {name: "AVX512", parts: 1}} {
		l.load()
		l.exp()
		l.addD()
		l.addW()
		l.addLogProbs()
		l.weigh(false)
		l.weigh(true)
		l.bins()
		l.store()
	}
	Generate()
}

// level is an instruction set. A group of eight tokens is two YMM registers of
// float64 with AVX2 and one ZMM register with AVX-512.
type level struct {
	name  string
	parts int
}

// wide says that the level has 512-bit registers.
func (l level) wide() bool { return l.parts == 1 }

// vec returns a register for one part of a group.
func (l level) vec() VecVirtual {
	if l.wide() {
		return ZMM()
	}
	return YMM()
}

// vecs returns registers for a whole group.
func (l level) vecs() []VecVirtual {
	v := make([]VecVirtual, l.parts)
	for i := range v {
		v[i] = l.vec()
	}
	return v
}

// bytes is the size of a part of a group of values of the given size.
func (l level) bytes(size int) int { return 8 / l.parts * size }

// constant returns a register that holds x in every lane.
func (l level) constant(x float64) VecVirtual {
	v := l.vec()
	VBROADCASTSD(float64Data(x), v)
	return v
}

// bits is constant for a bit pattern.
func (l level) bits(x uint64) VecVirtual {
	v := l.vec()
	VBROADCASTSD(uint64Data(x), v)
	return v
}

// zero returns a register of zeros.
func (l level) zero() VecVirtual {
	v := l.vec()
	if l.wide() {
		VPXORQ(v, v, v)
	} else {
		VPXOR(v, v, v)
	}
	return v
}

func (l level) and(a, b Op, dst VecVirtual) {
	if l.wide() {
		VPANDQ(a, b, dst)
	} else {
		VPAND(a, b, dst)
	}
}

// validMask widens the eight bytes of Valid at p to masks of 64 bits.
func (l level) validMask(p Register, part int) VecVirtual {
	v := l.vec()
	VPMOVSXBQ(Mem{Base: p, Disp: part * l.bytes(1)}, v)
	return v
}

// pick returns mask ? a : b, for masks of 64 bits.
func (l level) pick(mask, a, b VecVirtual) VecVirtual {
	v := l.vec()
	if l.wide() {
		k := K()
		VPMOVQ2M(mask, k)
		VBLENDMPD(a, b, k, v)
	} else {
		VBLENDVPD(mask, a, b, v)
	}
	return v
}

// Predicates of VCMPPD, ordered and quiet.
const (
	equal   = 0x00
	less    = 0x11
	greater = 0x1E
	notLess = 0x1D // a ≥ b
	notMore = 0x12 // a ≤ b
)

// count adds to n how many lanes satisfy (a pred b) and mask.
func (l level) count(pred int, a, b, mask VecVirtual, n GPVirtual) {
	c := GP32()
	if l.wide() {
		valid, k := K(), K()
		VPMOVQ2M(mask, valid)
		// VCMPPD's operands are reversed as are all of Intel's.
		VCMPPD(U8(pred), b, a, valid, k)
		KMOVB(k, c)
	} else {
		v := YMM()
		VCMPPD(U8(pred), b, a, v)
		VPAND(mask, v, v)
		VMOVMSKPD(v, c)
	}
	POPCNTL(c, c)
	ADDQ(c.As64(), n)
}

// keepIf sets v to 0 where (a pred b) does not hold.
func (l level) keepIf(pred int, a, b, v VecVirtual) {
	if l.wide() {
		k := K()
		VCMPPD(U8(pred), b, a, k)
		VMOVAPD_Z(v, k, v)
		return
	}
	c := YMM()
	VCMPPD(U8(pred), b, a, c)
	VPAND(c, v, v)
}

// float64Data returns a constant in read-only memory, one for each value.
func float64Data(x float64) Mem { return constantData(F64(x)) }

func uint64Data(x uint64) Mem { return constantData(U64(x)) }

var constants = map[string]Mem{}

func constantData(c Constant) Mem {
	m, ok := constants[c.Asm()]
	if !ok {
		m = ConstData(fmt.Sprintf("ratio%d", len(constants)), c)
		constants[c.Asm()] = m
	}
	return m
}

// groups emits a loop over the groups counted by n.
func groups(name string, n Register, body func()) {
	Label(name)
	TESTQ(n, n)
	JZ(LabelRef(name + "Done"))
	body()
	DECQ(n)
	JMP(LabelRef(name))
	Label(name + "Done")
}

// Package vec lets generators write vector arithmetic as formulas, once for
// AVX2 and AVX-512. Each operation returns a new register; operands stand in the
// order of the formula, which is the reverse of the assembler's.
package vec

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Level is an instruction set: the suffix of its functions, and the bytes of its
// registers.
type Level struct {
	Name  string
	Bytes int
}

var (
	AVX2   = Level{"AVX2", 32}
	AVX512 = Level{"AVX512", 64}
)

// Wide reports whether the level is AVX-512.
func (l Level) Wide() bool { return l.Bytes == 64 }

// New returns a register.
func (l Level) New() VecVirtual {
	if l.Wide() {
		return ZMM()
	}
	return YMM()
}

// Load returns the register's worth of memory at m.
func (l Level) Load(m Mem) VecVirtual {
	d := l.New()
	VMOVUPS(m, d)
	return d
}

// Store writes x to m.
func (l Level) Store(x VecVirtual, m Mem) { VMOVUPS(x, m) }

// LoadAll returns the n 32-bit values at p, in as many registers as hold them.
func (l Level) LoadAll(p Register, n int) []VecVirtual {
	x := make([]VecVirtual, 4*n/l.Bytes)
	for i := range x {
		x[i] = l.Load(Mem{Base: p, Disp: i * l.Bytes})
	}
	return x
}

// Const returns bits in all 32-bit lanes. The name becomes the constant's symbol.
func (l Level) Const(name string, bits uint32) VecVirtual {
	d := l.New()
	VPBROADCASTD(Data(name, bits), d)
	return d
}

// ConstF returns x in all 32-bit lanes.
func (l Level) ConstF(name string, x float32) VecVirtual {
	return l.Const(name, math.Float32bits(x))
}

// Param returns the named float32 parameter in all lanes.
func (l Level) Param(name string) VecVirtual {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	d := l.New()
	VBROADCASTSS(p.Addr, d)
	return d
}

// Zero returns a register of zeros.
func (l Level) Zero() VecVirtual {
	d := l.New()
	if l.Wide() {
		VPXORD(d, d, d)
	} else {
		VPXOR(d, d, d)
	}
	return d
}

var symbols = map[string]Mem{}

// Data returns read-only memory that holds the words, as a symbol of the file. A
// name asked for again must stand for the same words.
func Data(name string, words ...uint32) Mem {
	key := fmt.Sprint(name, words)
	m, ok := symbols[key]
	if !ok {
		m = GLOBL(name, RODATA|NOPTR)
		for i, w := range words {
			DATA(4*i, U32(w))
		}
		symbols[key] = m
	}
	return m
}

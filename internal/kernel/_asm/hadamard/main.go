// Command hadamard generates the Hadamard transform of blocks of 16 float32.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

func main() {

	ConstraintExpr("!purego")
	emit(vec.AVX2, halves)
	emit(vec.AVX512, whole)
	Generate()
}

// Offsets in hadamardSigns, and bytes of a row of its rows.
const (
	rowsAt  = 16 * 4
	outAt   = rowsAt + 16*rowSize
	rowSize = 8 * 4
)

// emit emits a function of which transform does one block.
func emit(l vec.Level, setUp func(l vec.Level, signs Register) (transform func(dst, x Register))) {
	TEXT("hadamard"+l.Name, NOSPLIT, "func(dst, x, signs *float32, groups int)")
	Pragma("noescape")
	Doc("hadamard" + l.Name + " agrees with hadamardGeneric on blocks of 16, one or more; signs is a hadamardSigns.")
	dst, x, signs := Load(Param("dst"), GP64()), Load(Param("x"), GP64()), Load(Param("signs"), GP64())
	transform := setUp(l, signs)
	end := vec.Groups(vec.Advance{Pointer: dst, Bytes: 64}, vec.Advance{Pointer: x, Bytes: 64})
	transform(dst, x)
	end()
	VZEROUPPER()
	RET()
}

// halves keeps the sums of columns 0 to 7 apart from those of 8 to 15, once they differ.
func halves(l vec.Level, signs Register) func(dst, x Register) {
	return func(dst, x Register) {
		// x[i]·h[i], in the first eight columns
		term := func(i int) VecVirtual {
			t := l.New()
			VBROADCASTSS(Mem{Base: x, Disp: 4 * i}, t)
			return l.Mul(t, Mem{Base: signs, Disp: rowsAt + i*rowSize})
		}
		low, high := l.Zero(), l.New()
		for i := range 8 {
			VADDPS(term(i), low, low)
		}
		VMOVAPS(low, high)
		for i := 8; i < 16; i++ {
			t := term(i)
			VADDPS(t, low, low)
			VSUBPS(t, high, high)
		}
		l.Store(xor(l, low, Mem{Base: signs, Disp: outAt}), Mem{Base: dst})
		l.Store(xor(l, high, Mem{Base: signs, Disp: outAt + rowSize}), Mem{Base: dst, Disp: 32})
	}
}

// whole has room for all of h.
func whole(l vec.Level, signs Register) func(dst, x Register) {
	var h [16]VecVirtual
	upper := l.Load(vec.Data("upperSigns", 0, 0, 0, 0, 0, 0, 0, 0, 1<<31, 1<<31, 1<<31, 1<<31, 1<<31, 1<<31, 1<<31, 1<<31))
	for i := range h {
		h[i] = l.New()
		VBROADCASTF32X8(Mem{Base: signs, Disp: rowsAt + i*rowSize}, h[i])
		if i >= 8 {
			h[i] = xor(l, h[i], upper)
		}
	}
	out := l.Load(Mem{Base: signs, Disp: outAt})
	return func(dst, x Register) {
		sum := l.Zero()
		for i, h := range h {
			t := l.New()
			VMULPS_BCST(Mem{Base: x, Disp: 4 * i}, h, t)
			VADDPS(t, sum, sum)
		}
		l.Store(xor(l, sum, out), Mem{Base: dst})
	}
}

// xor returns a ^ b.
func xor(l vec.Level, a VecVirtual, b Op) VecVirtual {
	d := l.New()
	if l.Wide() {
		VPXORD(b, a, d)
	} else {
		VPXOR(b, a, d)
	}
	return d
}

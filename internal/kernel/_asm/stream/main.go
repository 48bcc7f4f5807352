// Command stream generates the kernels that move memory and do nothing else,
// which benchmarks lay beside the others.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Both work on groups of this many bytes.
const group = 512

func main() {
	ConstraintExpr("!purego")
	for _, l := range []struct {
		name string
		size int
		reg  func() VecVirtual
	}{{"AVX2", 32, YMM}, {"AVX512", 64, ZMM}} {
		read("read"+l.name, l.size, l.reg)
		write("write"+l.name, l.size, l.reg)
	}
	Generate()
}

// read: the bitwise or of all words, so that each has to be loaded.
func read(name string, size int, reg func() VecVirtual) {
	TEXT(name, NOSPLIT, "func(src *byte, groups int) uint64")
	Pragma("noescape")
	Doc(name + " reads groups of 512 bytes and returns the or of some of their words.")
	src, n := Load(Param("src"), GP64()), Load(Param("groups"), GP64())
	var acc [8]VecVirtual
	for i := range acc {
		acc[i] = reg()
		zero(size, acc[i])
	}
	loop(n, func() {
		for i := range group / size {
			or(size, Mem{Base: src, Disp: i * size}, acc[i%len(acc)])
		}
		ADDQ(U32(group), src)
	})
	for _, a := range acc[1:] {
		or(size, a, acc[0])
	}
	out := GP64()
	VMOVQ(acc[0].AsX(), out)
	Store(out, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func write(name string, size int, reg func() VecVirtual) {
	TEXT(name, NOSPLIT, "func(dst *byte, groups int)")
	Pragma("noescape")
	Doc(name + " writes zeros to groups of 512 bytes.")
	dst, n := Load(Param("dst"), GP64()), Load(Param("groups"), GP64())
	v := reg()
	zero(size, v)
	loop(n, func() {
		for i := range group / size {
			VMOVUPS(v, Mem{Base: dst, Disp: i * size})
		}
		ADDQ(U32(group), dst)
	})
	VZEROUPPER()
	RET()
}

func zero(size int, v VecVirtual) {
	if size == 64 {
		VPXORQ(v, v, v)
	} else {
		VPXOR(v, v, v)
	}
}

func or(size int, x Op, acc VecVirtual) {
	if size == 64 {
		VPORQ(x, acc, acc)
	} else {
		VPOR(x, acc, acc)
	}
}

func loop(n Register, body func()) {
	Label("loop")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	body()
	DECQ(n)
	JMP(LabelRef("loop"))
	Label("done")
}

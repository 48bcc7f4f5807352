// Command clear generates the kernel that writes zeros around the caches.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// line is the size of a cache line.
const line = 64

// main: AVX2 serves AVX-512 too.
func main() {
	ConstraintExpr("!purego")
	TEXT("clearLinesAVX2", NOSPLIT, "func(dst *byte, lines int)")
	Pragma("noescape")
	Doc("clearLinesAVX2 clears cache lines, at least one. dst must be aligned to one.")
	dst, n := Load(Param("dst"), GP64()), Load(Param("lines"), GP64())
	zero := YMM()
	VPXOR(zero, zero, zero)
	Label("loop")
	VMOVNTPS(zero, Mem{Base: dst})
	VMOVNTPS(zero, Mem{Base: dst, Disp: line / 2})
	ADDQ(U8(line), dst)
	DECQ(n)
	JNZ(LabelRef("loop"))
	SFENCE() // streaming stores are in no order with others
	VZEROUPPER()
	RET()
	Generate()
}

// Command quotients generates the division of float32 values by one of them.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

func main() {
	ConstraintExpr("!purego")
	for _, l := range []vec.Level{vec.AVX2, vec.AVX512} {
		TEXT("quotients"+l.Name, NOSPLIT, "func(dst, src *float32, d float32, groups int)")
		Pragma("noescape")
		Doc("quotients" + l.Name + " agrees with quotientsGeneric on groups of one register, one or more.")
		dst, src, d := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), l.Param("d")
		bytes := uint32(l.Bytes)
		end := vec.Groups(vec.Advance{Pointer: dst, Bytes: bytes}, vec.Advance{Pointer: src, Bytes: bytes})
		l.Store(l.Div(l.Load(Mem{Base: src}), d), Mem{Base: dst})
		end()
		VZEROUPPER()
		RET()
	}
	Generate()
}

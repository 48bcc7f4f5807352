package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// exponential holds the constants of expParts32 in all lanes.
type exponential struct {
	vec.Level
	round, log2e, hi, lo, one Op
	c                         [6]Op
}

func newExponential(l vec.Level) exponential {
	return exponential{
		Level: l,
		round: constant(l, "roundShift", 0x1.8p23),
		log2e: constant(l, "log2e", 0x1.715476p+0),
		hi:    constant(l, "ln2Hi", 0x1.62e4p-1),
		lo:    constant(l, "ln2Lo", 0x1.7f7d1cp-20),
		one:   constant(l, "one", 1),
		c: [6]Op{
			constant(l, "c0", 0x1p-1),
			constant(l, "c1", 0x1.555556p-3),
			constant(l, "c2", 0x1.5554e8p-5),
			constant(l, "c3", 0x1.11114cp-7),
			constant(l, "c4", 0x1.6d4370p-10),
			constant(l, "c5", 0x1.a072f0p-13),
		},
	}
}

// constant returns x in all lanes: of a register, or of memory where those are
// few.
func constant(l vec.Level, name string, x float32) Op {
	if l.Wide() {
		return l.ConstF("pair"+name, x)
	}
	return inMemory(l, name, math.Float32bits(x))
}

// inMemory returns read-only memory with bits in all lanes.
func inMemory(l vec.Level, name string, bits uint32) Mem {
	words := make([]uint32, l.Bytes/4)
	for i := range words {
		words[i] = bits
	}
	return vec.Data("pair"+name+l.Name, words...)
}

// parts returns scale = 2ⁿ, r and k with e^z = scale·(1 + (r + k)), the r in z's
// register.
func (e exponential) parts(z VecVirtual) (scale, r, k VecVirtual) {
	scale, n, q, square := e.New(), e.New(), e.New(), e.New()
	Comment("n = round(z·log2e), as an integer in the low bits and as float32")
	VMOVUPS(e.round, scale)
	VFMADD231PS(e.log2e, z, scale)
	VSUBPS(e.round, scale, n)
	Comment("r = (z - n·hi) - n·lo")
	VFNMADD231PS(e.hi, n, z)
	VFNMADD231PS(e.lo, n, z)
	r = z
	Comment("k = r²·(c0 + r·(c1 + r·(c2 + r·(c3 + r·(c4 + r·c5)))))")
	VMOVUPS(e.c[5], q)
	for i := 4; i >= 0; i-- {
		VFMADD213PS(e.c[i], r, q)
	}
	VMULPS(r, r, square)
	VMULPS(square, q, q)
	Comment("scale = 2^n")
	VPSLLD(U8(23), scale, scale)
	VPADDD(e.one, scale, scale)
	return scale, r, q
}

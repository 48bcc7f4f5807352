package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// source is a type of logits in memory.
type source interface {
	name() string   // in the names of functions
	goType() string // in their signatures
	size() int
	// load returns x + offset for as many logits at m as fill a register.
	load(l vec.Level, m Mem, offset VecVirtual) VecVirtual
}

type float struct{}

func (float) name() string   { return "" }
func (float) goType() string { return "float32" }
func (float) size() int      { return 4 }

func (float) load(l vec.Level, m Mem, offset VecVirtual) VecVirtual {
	d := l.New()
	VADDPS(m, offset, d)
	return d
}

type half struct{}

func (half) name() string   { return "BF16" }
func (half) goType() string { return "uint16" }
func (half) size() int      { return 2 }

func (half) load(l vec.Level, m Mem, offset VecVirtual) VecVirtual {
	d := l.New()
	VPMOVZXWD(m, d)
	VPSLLD(U8(16), d, d)
	VADDPS(offset, d, d)
	return d
}

package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// scalesModelOpt: one block a lane.
//
//	q = amax/(6g), 1 where that is 0 or amax = zeroKey
//	scale = e4m3(max(q, 2⁻⁹))
//	div = scale·g
func scalesModelOpt(l Level) {
	name := "scalesModelOpt" + l.Name
	TEXT(name, NOSPLIT, "func(scales *uint8, div, amax *float32, sixG, tensorScale, zeroKey float32, groups int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is scalesModelOptGeneric for groups of %d blocks. Blocks whose maximum", name, perGroup(l)),
		"equals zeroKey get scale 1: it is 0 for zeroIsOne, else NaN.")
	scales, div, amax := Load(Param("scales"), GP64()), Load(Param("div"), GP64()), Load(Param("amax"), GP64())
	sixG, g, zeroKey := l.Param("sixG"), l.Param("tensorScale"), l.Param("zeroKey")
	one, zero := float(l, "One", 1), l.Zero()
	e := newE4M3(l, float(l, "E4M3Min", 0x1p-9))
	end := groups(l, by(scales, 1), by(div, 4), by(amax, 4))

	b := l.Load(Mem{Base: amax})
	q := l.Div(b, sixG)
	if l.Wide() {
		isZero := compareK(equal, q, zero)
		KORW(compareK(equal, b, zeroKey), isZero, isZero)
		VBLENDMPS(one, q, isZero, q)
	} else {
		isZero := l.Or(compare(equal, q, zero), compare(equal, b, zeroKey))
		VBLENDVPS(isZero, one, q, q)
	}
	s := e.store(scales, q)
	VMOVUPS(l.Mul(s, g), Mem{Base: div})
	end()
	VZEROUPPER()
	RET()
}

// scalesTE: one block a lane.
//
//	scale = e4m3(amax·perMax)
//	mult = min(1/(scale·inverse), MaxFloat32)
func scalesTE(l Level) {
	name := "scalesTE" + l.Name
	TEXT(name, NOSPLIT, "func(scales *uint8, mult, amax *float32, perMax, inverse float32, groups int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is scalesTEGeneric for groups of %d blocks. perMax is s·(1/6), inverse is 1/s.", name, perGroup(l)))
	scales, mult, amax := Load(Param("scales"), GP64()), Load(Param("mult"), GP64()), Load(Param("amax"), GP64())
	perMax, inverse := l.Param("perMax"), l.Param("inverse")
	one, most := float(l, "One", 1), float(l, "MaxFloat32", math.MaxFloat32)
	e := newE4M3(l, l.Zero())
	end := groups(l, by(scales, 1), by(mult, 4), by(amax, 4))

	s := e.store(scales, l.Mul(perMax, Mem{Base: amax}))
	m := l.Div(one, l.Mul(s, inverse))
	VMOVUPS(minimum(l, most, m), Mem{Base: mult})
	end()
	VZEROUPPER()
	RET()
}

// blockMultipliers: mult = (scale·a)·b. An E4M3 magnitude, moved to where
// float32 has its exponent, is the value times 2⁻¹²⁰, subnormals included.
func blockMultipliers(l Level) {
	name := "blockMultipliers" + l.Name
	TEXT(name, NOSPLIT, "func(mult *float32, scales *uint8, a, b float32, groups int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is blockMultipliersGeneric for groups of %d blocks.", name, perGroup(l)))
	mult, scales := Load(Param("mult"), GP64()), Load(Param("scales"), GP64())
	a, b := l.Param("a"), l.Param("b")
	magnitude, sign := bits(l, "E4M3NaN", 0x7F), bits(l, "Sign", 1<<31)
	unit := float(l, "E4M3Unit", 0x1p120)
	end := groups(l, by(mult, 4), by(scales, 1))

	x := l.New()
	VPMOVZXBD(Mem{Base: scales}, x)
	mag := l.And(x, magnitude)
	s := l.Mul(l.ShiftL(mag, 20), unit)
	s = l.Or(s, l.And(l.ShiftL(x, 24), sign))
	s = l.Or(s, equalMask(l, mag, magnitude))
	VMOVUPS(l.Mul(l.Mul(s, a), b), Mem{Base: mult})
	end()
	VZEROUPPER()
	RET()
}

// equalMask returns all ones where the integers a and b are equal.
func equalMask(l Level, a, b VecVirtual) VecVirtual {
	d := l.New()
	if l.Wide() {
		k := K()
		VPCMPEQD(b, a, k)
		VPMOVM2D(k, d)
	} else {
		VPCMPEQD(b, a, d)
	}
	return d
}

// e4m3Constants are what encoding magnitudes to E4M3 needs.
type e4m3Constants struct {
	l Level
	constants
	least, most, nan VecVirtual
}

func newE4M3(l Level, least VecVirtual) e4m3Constants {
	return e4m3Constants{l, e4m3.load(l), least, float(l, "E4M3Max", 448), bits(l, "E4M3NaN", 0x7F)}
}

// store writes the codes of max(q, least), where NaN stays NaN, and returns their
// values.
func (e e4m3Constants) store(codes Register, q VecVirtual) VecVirtual {
	l := e.l
	code, value := e.encodeDecode(l, minimum(l, maximum(l, q, e.least), e.most))
	if l.Wide() {
		nan := compareK(Unordered, q, q)
		VPORD(e.nan, code, nan, code)
		VPMOVDB(code, Mem{Base: codes})
		VPORD(q, value, nan, value)
		return value
	}
	nan := compare(Unordered, q, q)
	code = l.And(l.Or(code, nan), e.nan)
	hi := XMM()
	VEXTRACTI128(U8(1), code, hi)
	VPACKUSDW(hi, code.AsX(), hi)
	VPACKUSWB(hi, hi, hi)
	VMOVQ(hi, Mem{Base: codes})
	return l.Or(value, nan)
}

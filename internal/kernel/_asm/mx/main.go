// Command mx generates the steps of the MX formats.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	. "github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

func main() {
	ConstraintExpr("!purego")
	scales()
	multipliers()
	for _, l := range []Level{AVX2, AVX512} {
		for _, s := range []source{float32s, bf16s} {
			for _, f := range []format{e2m1, e4m3, e5m2} {
				f.encode(l, s)
			}
		}
		e4m3.decode(l)
		e5m2.decode(l)
	}
	Generate()
}

const (
	half  = 16       // values that a factor is for
	block = 2 * half // values that a scale is for
)

// format is that of the codes.
type format struct {
	name     string
	bits     int     // of a code
	mantissa int     // bits
	bias     int     // of the exponent
	min      float32 // smallest normal value
	max      uint16  // code of the largest finite value
}

var (
	e2m1 = format{name: "E2M1", bits: 4, mantissa: 1, bias: 1, min: 1, max: 7}
	e4m3 = format{name: "E4M3", bits: 8, mantissa: 3, bias: 7, min: 0x1p-6, max: 0x7E}
	e5m2 = format{name: "E5M2", bits: 8, mantissa: 2, bias: 15, min: 0x1p-14, max: 0x7B}
)

// shift moves a code's exponent and mantissa to the place of a float32's.
func (f format) shift() uint8 { return uint8(23 - f.mantissa) }

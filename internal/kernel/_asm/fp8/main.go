// Command fp8 generates the conversions between float32 and the 8-bit floats.
package main

import (
	. "github.com/mmcloughlin/avo/build"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

func main() {
	ConstraintExpr("!purego")
	for _, f := range []format{e4m3, e5m2} {
		for _, l := range []vec.Level{vec.AVX2, vec.AVX512} {
			f.encode(l, scale)
			f.encode(l, quantize)
			f.decode(l)
		}
	}
	for _, l := range []vec.Level{vec.AVX2, vec.AVX512} {
		e4m3.encode(l, scaleBF16)
		e4m3.encode(l, quantizeBF16)
		e4m3.encode(l, quantizeInBF16)
	}
	Generate()
}

// format is an 8-bit float.
type format struct {
	name     string
	mantissa int     // bits
	bias     int     // of the exponent
	min      float32 // smallest normal value
	max      uint16  // code of the largest finite value
}

var (
	e4m3 = format{name: "E4M3", mantissa: 3, bias: 7, min: 0x1p-6, max: 0x7E}
	e5m2 = format{name: "E5M2", mantissa: 2, bias: 15, min: 0x1p-14, max: 0x7B}
)

// shift moves a code's exponent and mantissa to the place of a float32's.
func (f format) shift() uint8 { return uint8(23 - f.mantissa) }

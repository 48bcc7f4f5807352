package fp8

import (
	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/roundoff"
)

// operation is what becomes of a value x and the factor of its tile, before the result is rounded to
// a code.
type operation uint8

const (
	multiply      operation = iota // x*factor, in float32
	divide                         // x/factor, in float32
	divideInInput                  // x/factor, in the type of the input
)

// encode sets dst to the codes of as many parts of x as there are factors.
func encode(dst []uint8, x []float32, op operation, f Format, factors []float32) {
	switch {
	case op == multiply && f == FormatE4M3:
		kernel.ScaleE4M3Tiles(dst, x, factors)
	case op == multiply:
		kernel.ScaleE5M2Tiles(dst, x, factors)
	case f == FormatE4M3:
		kernel.QuantizeE4M3Tiles(dst, x, factors)
	default:
		kernel.QuantizeE5M2Tiles(dst, x, factors)
	}
}

// encodeBF16 is encode of BF16 values. E4M3 has kernels that read them.
func encodeBF16(dst []uint8, x []bf16.BF16, op operation, f Format, factors []float32) {
	switch words := kernel.Words(x); {
	case f != FormatE4M3:
		encodeHalf(dst, x, op, f, factors)
	case op == multiply:
		kernel.ScaleE4M3BF16Tiles(dst, words, factors)
	case op == divide:
		kernel.QuantizeE4M3BF16Tiles(dst, words, factors)
	default:
		kernel.QuantizeE4M3InBF16Tiles(dst, words, factors)
	}
}

// encodeHalf is encode of the float32 values of x, which it keeps in a buffer.
func encodeHalf[H bf16.BF16 | float16.Float16](dst []uint8, x []H, op operation, f Format, factors []float32) {
	in := precisionOf(x)
	var buffer [1024]float32
	width := len(x) / len(factors)
	for tile := range factors {
		for at, end := tile*width, (tile+1)*width; at < end; {
			n := min(end-at, len(buffer))
			wide := buffer[:n]
			roundoff.Widen(wide, x[at:at+n])
			factor, op := factors[tile:tile+1], op
			if op == divideInInput {
				for i, v := range wide {
					wide[i] = in.round(v / factor[0])
				}
				factor, op = one[:], multiply
			}
			encode(dst[at:at+n], wide, op, f, factor)
			at += n
		}
	}
}

var one = [1]float32{1}

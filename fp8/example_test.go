package fp8_test

import (
	"fmt"

	"github.com/trueup-rl/trueup/fp8"
)

func ExampleE4M3FromFloat32() {
	for _, f := range []float32{0.3, -17, 464, 1e6} {
		q, n := fp8.E4M3FromFloat32(f), fp8.E4M3FromFloat32NoSat(f)
		fmt.Printf("%v → %#02x %v, not saturating %v\n", f, q.Bits(), q.Float32(), n.Float32())
	}
	// Output:
	// 0.3 → 0x2a 0.3125, not saturating 0.3125
	// -17 → 0xd8 -16, not saturating -16
	// 464 → 0x7e 448, not saturating 448
	// 1e+06 → 0x7e 448, not saturating NaN
}

func ExampleQuantizeE4M3() {
	x := []float32{0.1, -0.25, 3.5}
	q := make([]fp8.E4M3, len(x))
	scale := fp8.ScaleE4M3(fp8.AMax(x))
	fp8.QuantizeE4M3(q, x, scale)
	fp8.DequantizeE4M3(x, q, scale)
	fmt.Println(scale, q, x)
	// Output: 0.0078125 [85 224 126] [0.1015625 -0.25 3.5]
}

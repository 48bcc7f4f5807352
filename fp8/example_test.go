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

func ExampleQuantize() {
	// Three rows and tiles of 1×128: a row of 200 columns has two scales.
	x := make([]float32, 3*200)
	for i := range x {
		x[i] = float32(i%7-3) / 4
	}
	t := fp8.New(3, 200, fp8.DeepGEMMUE8M0, fp8.Tile1x128, fp8.FormatE4M3)
	fp8.Quantize(t, x, 0) // amax counts for PerTensor alone
	packed := make([]int32, 3*fp8.UE8M0Words(2))
	err := fp8.PackUE8M0(packed, t.Scales, 2)
	fmt.Println(t.Scales[:2], t.Codes[:4])
	fmt.Printf("%#x %v\n", packed[0], err)
	fp8.Dequantize(x, t)
	fmt.Println(x[:4])
	// Output:
	// [0.001953125 0.001953125] [252 248 240 0]
	// 0x7f7f7676 <nil>
	// [-0.75 -0.5 -0.25 0]
}

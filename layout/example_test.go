package layout_test

import (
	"fmt"

	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/layout"
)

// The scales of 2 rows of 3 blocks, as a block-scaled product reads them.
func ExampleSwizzle() {
	scales := []fp8.E4M3{0x31, 0x32, 0x33, 0x41, 0x42, 0x43}
	tiles := make([]fp8.E4M3, layout.Tiles128x4.Size(2, 3))
	layout.Swizzle(tiles, scales, 2, 3, layout.Tiles128x4)
	fmt.Printf("%d bytes: % x …  % x …\n", len(tiles), tiles[:4], tiles[16:20])
	// Output: 512 bytes: 31 32 33 00 …  41 42 43 00 …
}

// ModelOpt's weight_scale_2 as compressed-tensors' weight_global_scale.
func ExampleConvert() {
	fmt.Println(layout.Convert(0x1p-9, layout.Multiplier, layout.Divisor))
	fmt.Println(layout.Convert(0.0018, layout.Multiplier, layout.Divisor))
	// Output:
	// 512 true
	// 555.55554 false
}

// One tensor scale for two matrices that an engine fuses.
func ExampleMXFP4ToNVFP4() {
	codes := []byte("any codes do: 16 each 4th scale.")
	gate, up := []fp8.E8M0{120, 122}, []fp8.E8M0{125, 111}
	g, _ := layout.MXFP4TensorScale(codes, gate)
	u, _ := layout.MXFP4TensorScale(codes, up)
	shared := max(g, u)
	scales := make([]fp8.E4M3, 4)
	for _, mx := range [][]fp8.E8M0{gate, up} {
		err := layout.MXFP4ToNVFP4(scales, codes, mx, shared)
		for _, s := range scales {
			fmt.Print(s.Float32(), " ")
		}
		fmt.Println("×", shared, err)
	}
	// Output:
	// 8 8 32 32 × 0.0009765625 <nil>
	// 256 256 0.015625 0.015625 × 0.0009765625 <nil>
}

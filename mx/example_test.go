package mx_test

import (
	"fmt"

	"github.com/trueup-rl/trueup/mx"
)

func Example() {
	x := make([]float32, 32)
	copy(x, []float32{0.02, -0.37, 6.1, 1.9})
	for _, r := range []mx.Recipe{mx.Default, mx.RCeil} {
		t := mx.New(1, 32, r, mx.E2M1)
		mx.Quantize(t, x)
		y := make([]float32, 32)
		mx.Dequantize(y, t)
		fmt.Println(r, t.Scales[0].Float32(), y[:4])
	}
	// Output:
	// default 1 [0 -0.5 6 2]
	// rceil 2 [0 -0 6 2]
}

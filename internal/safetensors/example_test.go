package safetensors_test

import (
	"fmt"

	"github.com/trueup-rl/trueup/internal/safetensors"
)

func ExampleParse() {
	header := `{"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}`
	f, err := safetensors.Parse(file(header, "\x00\x00\x80\x3f\x00\x00\x00\x40"))
	if err != nil {
		fmt.Println(err)
		return
	}
	w, err := f.F32("w")
	fmt.Println(f.Names(), w, err)
	// Output: [w] [1 2] <nil>
}

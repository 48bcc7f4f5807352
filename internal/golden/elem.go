package golden

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/x448/float16"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/internal/safetensors"
)

// EachElem runs f for what peers' casts to the named formats, or to all if there are none, make of
// single values: in a subtest for each file of formats/elem, one for each cast, named <format>/<call>.
// want[i] are the bits of the cast of in[i]. If in is nil, want is a table, the bits that code i
// decodes to.
func EachElem(t *testing.T, f func(t *testing.T, cast string, in []float32, want []uint32), formats ...string) {
	t.Helper()
	EachFile(t, "elem", func(t *testing.T, _ string, file *safetensors.File) {
		in := elemInput(t, file)
		for _, cast := range file.Names() {
			format, _, _ := strings.Cut(cast, "/")
			if strings.HasPrefix(cast, "in_") || formats != nil && !slices.Contains(formats, format) {
				continue
			}
			t.Run(cast, func(t *testing.T) {
				want := unsigned(t, file, cast)
				if in != nil && len(in) != len(want) {
					t.Fatalf("golden: %d codes of %d values", len(want), len(in))
				}
				f(t, cast, in, want)
			})
		}
	})
}

// elemInput returns what a file's casts are of, nil if it has tables.
func elemInput(t *testing.T, file *safetensors.File) (in []float32) {
	for name, value := range map[string]func(uint32) float32{
		"in_f32_bits":  math.Float32frombits,
		"in_bf16_bits": func(b uint32) float32 { return bf16.FromBits(uint16(b)).Float32() },
		"in_fp16_bits": func(b uint32) float32 { return float16.Frombits(uint16(b)).Float32() },
	} {
		if _, ok := file.Tensor(name); ok {
			for _, b := range unsigned(t, file, name) {
				in = append(in, value(b))
			}
		}
	}
	return in
}

// unsigned returns a tensor of unsigned integers.
func unsigned(t *testing.T, file *safetensors.File, name string) (b []uint32) {
	tensor, _ := file.Tensor(name)
	var err error
	switch tensor.DType {
	case "U8":
		var v []uint8
		v, err = file.U8(name)
		b = widened(v)
	case "U16":
		var v []uint16
		v, err = file.U16(name)
		b = widened(v)
	default:
		b, err = file.U32(name)
	}
	if err != nil {
		t.Fatalf("golden: %v", err)
	}
	return b
}

func widened[T uint8 | uint16](v []T) []uint32 {
	b := make([]uint32, len(v))
	for i, x := range v {
		b[i] = uint32(x)
	}
	return b
}

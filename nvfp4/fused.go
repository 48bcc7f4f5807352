package nvfp4

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/trueup-rl/trueup/roundoff"
)

// FusedAMax returns the amax of matrices that an inference engine fuses into one: the largest of
// their AMax, NaN if one of them holds a NaN. Each part is to be quantized with it, so that all have
// one matrix scale.
func FusedAMax[T roundoff.Value](parts ...[]T) float32 {
	var m float32
	for _, p := range parts {
		m = max(m, amaxOf(p))
	}
	return m
}

// ErrUnequalScales is what CheckFused returns wrapped: parts that engines fuse have scales of their
// own. An engine then takes one of them for all, which changes the weights of the others.
var ErrUnequalScales = errors.New("nvfp4: parts of a fused group have unequal tensor scales")

// fusedParts maps the last part of a module's name to that of the module it is fused into.
var fusedParts = map[string]string{
	"q_proj": "qkv_proj", "k_proj": "qkv_proj", "v_proj": "qkv_proj",
	"gate_proj": "gate_up_proj", "up_proj": "gate_up_proj",
	"w1": "w13", "w3": "w13", // gate and up of an expert
	"q_a_proj": "fused_qkv_a_proj", "kv_a_proj_with_mqa": "fused_qkv_a_proj",
}

// FusedGroup returns the name of the module that inference engines fuse the named one into, as
// "model.layers.0.self_attn.qkv_proj" for "model.layers.0.self_attn.k_proj", and whether there is
// one. A ".weight" or ".weight_packed" at the end is left out. It knows the names q_proj, k_proj and
// v_proj; gate_proj and up_proj; w1 and w3 of an expert; q_a_proj and kv_a_proj_with_mqa.
func FusedGroup(name string) (group string, ok bool) {
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".weight"), ".weight_packed")
	dot := strings.LastIndexByte(name, '.') + 1
	fused, ok := fusedParts[name[dot:]]
	if !ok {
		return "", false
	}
	return name[:dot] + fused, true
}

// CheckFused finds the groups that FusedGroup knows among the named tensors and returns an error that
// names those whose parts differ in recipe or in TensorScale, by bits, and wraps ErrUnequalScales;
// nil if there are none. Tensors with a scale for each row are passed over. It panics if the lengths
// differ.
func CheckFused(names []string, tensors []*Tensor) error {
	if len(names) != len(tensors) {
		panic("nvfp4: numbers of names and tensors differ")
	}
	first := map[string]int{} // of a group
	var wrong []error
	for i, t := range tensors {
		group, ok := FusedGroup(names[i])
		if !ok || t.Recipe.PerRow() {
			continue
		}
		j, ok := first[group]
		if !ok {
			first[group] = i
			continue
		}
		f := tensors[j]
		if t.Recipe != f.Recipe || math.Float32bits(t.TensorScale) != math.Float32bits(f.TensorScale) {
			wrong = append(wrong, fmt.Errorf("%w: %s has %v (%v), %s has %v (%v)", ErrUnequalScales,
				names[j], f.TensorScale, f.Recipe, names[i], t.TensorScale, t.Recipe))
		}
	}
	return errors.Join(wrong...)
}

package identify_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/identify"
	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/internal/safetensors"
)

// perFile is how many cases of a file are identified: the largest, as the small ones tell little.
const perFile = 3

// eachCase calls f for the largest cases of each file of a folder, with the input, if that is finite
// and not all zero: otherwise recipes agree, or differ from their peers as their documentation says.
func eachCase(t *testing.T, folder string, f func(t *testing.T, file *safetensors.File, peer, name string, s *identify.Source)) {
	dir := golden.Dir(t, "formats/"+folder)
	inputs, err := safetensors.Open(filepath.Join(dir, "inputs.safetensors"))
	require.NoError(t, err)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		peer, ok := strings.CutSuffix(entry.Name(), ".safetensors")
		if !ok || peer == "inputs" {
			continue
		}
		t.Run(peer, func(t *testing.T) {
			file, err := safetensors.Open(filepath.Join(dir, entry.Name()))
			require.NoError(t, err)
			for _, name := range largest(file, inputs) {
				s := source(t, inputs, name)
				amax := fp8.AMax(s.F32)
				if s.BF16 != nil {
					amax = fp8.AMaxBF16(s.BF16)
				}
				if amax > 0 && amax <= math.MaxFloat32 {
					t.Run(name, func(t *testing.T) { f(t, file, peer, name, s) })
				}
			}
		})
	}
}

// largest returns the names of the largest cases of a file.
func largest(file, inputs *safetensors.File) []string {
	size := func(name string) int {
		tensor, _ := inputs.Tensor(name)
		return len(tensor.Data)
	}
	var names []string
	for _, key := range file.Names() {
		for _, field := range []string{"/codes", "/blocks", "/blocks17"} {
			if name, ok := strings.CutSuffix(key, field); ok {
				names = append(names, name)
			}
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return size(b) - size(a) })
	if testing.Short() {
		return names[:min(len(names), 1)]
	}
	return names[:min(len(names), perFile)]
}

func source(t *testing.T, inputs *safetensors.File, name string) *identify.Source {
	tensor, ok := inputs.Tensor(name)
	require.True(t, ok, name)
	s := &identify.Source{Rows: tensor.Shape[0], Cols: tensor.Shape[1]}
	s.F32, s.BF16 = floats(t, inputs, name)
	if s.BF16 != nil {
		s.F32 = nil
	}
	return s
}

// floats returns a tensor of type F32 or BF16 as float32, and as BF16 if it is.
func floats(t *testing.T, file *safetensors.File, name string) ([]float32, []bf16.BF16) {
	tensor, ok := file.Tensor(name)
	require.True(t, ok, name)
	if tensor.DType == "F32" {
		values, err := file.F32(name)
		require.NoError(t, err)
		return values, nil
	}
	bits, err := file.BF16(name)
	require.NoError(t, err)
	half, values := make([]bf16.BF16, len(bits)), make([]float32, len(bits))
	for i, b := range bits {
		half[i] = bf16.FromBits(b)
	}
	bf16.Decode(values, half)
	return values, half
}

// requireIdentified demands that the recipe named, or the same on this input, comes first.
func requireIdentified(t *testing.T, matches []identify.Match, recipe string) {
	t.Helper()
	var exact []string
	for _, m := range matches {
		if m.Exact() {
			exact = append(exact, m.Recipe)
			assert.Equal(t, m.Scales.Of, m.Scales.Equal)
			assert.Equal(t, m.Codes.Of, m.Codes.Equal)
		}
	}
	if !slices.Contains(exact, recipe) {
		t.Fatalf("not identified as %s, but as %v; matches: %s", recipe, exact, lines(matches))
	}
	assert.True(t, matches[0].Exact(), "exact matches come first")
}

func lines(matches []identify.Match) string {
	var b strings.Builder
	for _, m := range matches {
		fmt.Fprintf(&b, "\n\t%v", &m)
	}
	return b.String()
}

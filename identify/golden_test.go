package identify_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	inputs, err := safetensors.Open(golden.Dir(t, "formats/"+folder+"/inputs.safetensors"))
	require.NoError(t, err)
	golden.EachFile(t, folder, func(t *testing.T, peer string, file *safetensors.File) {
		for _, name := range largest(file, inputs) {
			x := golden.ReadMatrix(t, inputs, name)
			if amax := fp8.AMax(x.F32); amax == 0 || !(amax <= math.MaxFloat32) {
				continue
			}
			s := &identify.Source{Rows: x.Rows, Cols: x.Cols, BF16: x.BF16}
			if x.BF16 == nil {
				s.F32 = x.F32
			}
			t.Run(name, func(t *testing.T) { f(t, file, peer, name, s) })
		}
	})
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

package fp8_test

import (
	"encoding"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/fp8"
)

// named is a value with a text form.
type named interface {
	String() string
	encoding.TextMarshaler
}

func TestNames(t *testing.T) {
	for v, name := range map[named]string{
		fp8.Default:               "default",
		fp8.ModelOpt:              "modelopt",
		fp8.CompressedTensors:     "compressed-tensors",
		fp8.TorchAO:               "torchao",
		fp8.TorchAOE8M0:           "torchao-e8m0",
		fp8.TorchAOTraining:       "torchao-training",
		fp8.TorchAOTrainingPow2:   "torchao-training-pow2",
		fp8.TransformerEngine:     "transformer-engine",
		fp8.TransformerEnginePow2: "transformer-engine-pow2",
		fp8.DeepGEMM:              "deepgemm",
		fp8.DeepGEMMUE8M0:         "deepgemm-ue8m0",
		fp8.FBGEMM:                "fbgemm",
		fp8.FBGEMMGroup:           "fbgemm-group",
		fp8.PerTensor:             "tensor",
		fp8.PerRow:                "row",
		fp8.Tile1x32:              "1x32",
		fp8.Tile1x128:             "1x128",
		fp8.Tile128x128:           "128x128",
		fp8.FormatE4M3:            "e4m3",
		fp8.FormatE5M2:            "e5m2",
	} {
		assert.Equal(t, name, v.String())
		text, err := v.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, name, string(text))
		var back named
		switch v.(type) {
		case fp8.Recipe:
			r := fp8.Recipe(99)
			require.NoError(t, r.UnmarshalText(text))
			back = r
		case fp8.Tile:
			r := fp8.Tile(99)
			require.NoError(t, r.UnmarshalText(text))
			back = r
		case fp8.Format:
			r := fp8.Format(99)
			require.NoError(t, r.UnmarshalText(text))
			back = r
		}
		assert.Equal(t, v, back)
	}
	for _, v := range []named{fp8.Recipe(99), fp8.Tile(99), fp8.Format(99)} {
		_, err := v.MarshalText()
		assert.ErrorContains(t, err, "99")
		assert.Contains(t, v.String(), "(99)")
	}
	_, err := fp8.ParseTile("2x2")
	assert.EqualError(t, err, `fp8: unknown tile "2x2", want one of ["tensor" "row" "1x32" "1x128" "128x128"]`)
	_, err = fp8.ParseFormat("E4M3")
	assert.EqualError(t, err, `fp8: unknown format "E4M3", want one of ["e4m3" "e5m2"]`)
	_, err = fp8.ParseRecipe("")
	assert.ErrorContains(t, err, `fp8: unknown recipe "", want one of ["default" "modelopt"`)
	r := fp8.ModelOpt
	assert.Error(t, r.UnmarshalText([]byte("x")))
	assert.Equal(t, fp8.ModelOpt, r, "kept on error")
}

func FuzzParseRecipe(f *testing.F) {
	for _, s := range []string{"", "default", "torchao-training", "Recipe(0)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := fp8.ParseRecipe(s); err == nil {
			assert.Equal(t, s, r.String())
		}
	})
}

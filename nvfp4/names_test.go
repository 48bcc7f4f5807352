package nvfp4_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/nvfp4"
)

func TestRecipeNames(t *testing.T) {
	for name, r := range map[string]nvfp4.Recipe{
		"default": nvfp4.Default, "modelopt": nvfp4.ModelOpt, "transformer-engine": nvfp4.TransformerEngine,
	} {
		assert.Equal(t, name, r.String())
		got, err := nvfp4.ParseRecipe(name)
		require.NoError(t, err)
		assert.Equal(t, r, got)

		text, err := json.Marshal(map[string]nvfp4.Recipe{"r": r})
		require.NoError(t, err)
		assert.JSONEq(t, `{"r":"`+name+`"}`, string(text))
		var back map[string]nvfp4.Recipe
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, r, back["r"])
	}

	_, err := nvfp4.ParseRecipe("ModelOpt")
	assert.ErrorContains(t, err, `nvfp4: unknown recipe "ModelOpt", want one of ["default" "modelopt" "transformer-engine"`)
	assert.Equal(t, "Recipe(200)", nvfp4.Recipe(200).String())
	_, err = nvfp4.Recipe(200).MarshalText()
	assert.Error(t, err)
	r := nvfp4.ModelOpt
	assert.Error(t, r.UnmarshalText([]byte("x")))
	assert.Equal(t, nvfp4.ModelOpt, r, "kept on error")
}

func FuzzParseRecipe(f *testing.F) {
	for _, s := range []string{"", "default", "modelopt", "transformer-engine", "Recipe(0)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := nvfp4.ParseRecipe(s); err == nil {
			assert.Equal(t, s, r.String())
		}
	})
}

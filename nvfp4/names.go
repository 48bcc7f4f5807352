package nvfp4

import "fmt"

var recipeNames = [...]string{
	Default:                           "default",
	ModelOpt:                          "modelopt",
	TransformerEngine:                 "transformer-engine",
	TransformerEngine16x16:            "transformer-engine-16x16",
	TransformerEngineRowScaled:        "transformer-engine-row-scaled",
	TransformerEngine4Over6MSE256:     "transformer-engine-4over6-mse-256",
	TransformerEngine4Over6MSE448:     "transformer-engine-4over6-mse-448",
	TransformerEngine4Over6MAE256:     "transformer-engine-4over6-mae-256",
	TransformerEngine4Over6MAE448:     "transformer-engine-4over6-mae-448",
	TransformerEngine4Over6MSE256Tile: "transformer-engine-4over6-mse-256-16x16",
	TransformerEngine4Over6MSE448Fast: "transformer-engine-4over6-mse-448-fast",
	CompressedTensors:                 "compressed-tensors",
	TorchAOTwoLevel:                   "torchao-two-level",
	TorchAOOneLevel:                   "torchao-one-level",
	FlashInferTE:                      "flashinfer-te",
	FlashInferTEPerToken:              "flashinfer-te-per-token",
	FlashInferReference:               "flashinfer-reference",
	GGML:                              "ggml",
	FourOverSixMSE:                    "fouroversix-mse",
	FourOverSixMAE:                    "fouroversix-mae",
	FourOverSixAbsMax:                 "fouroversix-abs-max",
	FourOverSixMSETile:                "fouroversix-mse-16x16",
	FourOverSixStatic6:                "fouroversix-static-6",
	FourOverSixStatic4:                "fouroversix-static-4",
	FourOverSixStatic6Tile:            "fouroversix-static-6-16x16",
	OptimalMSE:                        "optimal-mse",
}

// Recipes returns all recipes.
func Recipes() []Recipe {
	all := make([]Recipe, len(recipeNames))
	for i := range all {
		all[i] = Recipe(i)
	}
	return all
}

// ParseRecipe returns the recipe that s names, as String prints it: the words of the constant's name
// in lower case, joined by '-', "transformer-engine" for example.
func ParseRecipe(s string) (Recipe, error) {
	for r, name := range recipeNames {
		if s == name {
			return Recipe(r), nil
		}
	}
	return 0, fmt.Errorf("nvfp4: unknown recipe %q, want one of %q", s, recipeNames)
}

// String returns the name of r, which ParseRecipe reads back, or "Recipe(n)" if r has none.
func (r Recipe) String() string {
	if int(r) < len(recipeNames) {
		return recipeNames[r]
	}
	return fmt.Sprintf("Recipe(%d)", uint8(r))
}

// MarshalText returns the name of r, or an error if r has none.
func (r Recipe) MarshalText() ([]byte, error) {
	if int(r) >= len(recipeNames) {
		return nil, fmt.Errorf("nvfp4: no recipe %d", uint8(r))
	}
	return []byte(recipeNames[r]), nil
}

// UnmarshalText sets *r to the recipe that text names, as ParseRecipe does.
func (r *Recipe) UnmarshalText(text []byte) error {
	parsed, err := ParseRecipe(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}

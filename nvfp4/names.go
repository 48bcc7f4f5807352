package nvfp4

import "github.com/trueup-rl/trueup/internal/names"

var recipeNames = names.Of[Recipe]{
	Default:                           "default",
	ModelOpt:                          "modelopt",
	TransformerEngine:                 "transformer-engine",
	TransformerEngineTile:             "transformer-engine-16x16",
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
func Recipes() []Recipe { return recipeNames.All() }

// ParseRecipe returns the recipe that s names, as String prints it: the words of the constant's name
// in lower case, joined by '-', "transformer-engine" for example. Tile is written 16x16.
func ParseRecipe(s string) (Recipe, error) { return recipeNames.Parse(s) }

// String returns the name of r, which ParseRecipe reads back, or "Recipe(n)" if r has none.
func (r Recipe) String() string { return recipeNames.String(r) }

// MarshalText returns the name of r, or an error if r has none.
func (r Recipe) MarshalText() ([]byte, error) { return recipeNames.Marshal(r) }

// UnmarshalText sets *r to the recipe that text names, as ParseRecipe does.
func (r *Recipe) UnmarshalText(text []byte) error { return recipeNames.Unmarshal(r, text) }

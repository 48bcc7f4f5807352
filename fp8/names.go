package fp8

import "github.com/trueup-rl/trueup/internal/names"

var recipeNames = names.Of[Recipe]{
	Default:               "default",
	ModelOpt:              "modelopt",
	CompressedTensors:     "compressed-tensors",
	TorchAO:               "torchao",
	TorchAOE8M0:           "torchao-e8m0",
	TorchAOTraining:       "torchao-training",
	TorchAOTrainingPow2:   "torchao-training-pow2",
	TransformerEngine:     "transformer-engine",
	TransformerEnginePow2: "transformer-engine-pow2",
	DeepGEMM:              "deepgemm",
	DeepGEMMUE8M0:         "deepgemm-ue8m0",
	FBGEMM:                "fbgemm",
	FBGEMMGroup:           "fbgemm-group",
}

// Recipes returns all recipes.
func Recipes() []Recipe { return recipeNames.All() }

// ParseRecipe returns the recipe that s names, as String prints it: the words of the constant's name
// in lower case, joined by '-', "deepgemm-ue8m0" for example.
func ParseRecipe(s string) (Recipe, error) { return recipeNames.Parse(s) }

// String returns the name of r, which ParseRecipe reads back, or "Recipe(n)" if r has none.
func (r Recipe) String() string { return recipeNames.String(r) }

// MarshalText returns the name of r, or an error if r has none.
func (r Recipe) MarshalText() ([]byte, error) { return recipeNames.Marshal(r) }

// UnmarshalText sets *r to the recipe that text names, as ParseRecipe does.
func (r *Recipe) UnmarshalText(text []byte) error { return recipeNames.Unmarshal(r, text) }

var tileNames = names.Of[Tile]{
	PerTensor:   "tensor",
	PerRow:      "row",
	Tile1x32:    "1x32",
	Tile1x128:   "1x128",
	Tile128x128: "128x128",
}

// Tiles returns all kinds of tiles.
func Tiles() []Tile { return tileNames.All() }

// ParseTile returns the tile that s names, as String prints it: "tensor", "row", "1x32", "1x128" or
// "128x128".
func ParseTile(s string) (Tile, error) { return tileNames.Parse(s) }

// String returns the name of t, which ParseTile reads back, or "Tile(n)" if t has none.
func (t Tile) String() string { return tileNames.String(t) }

// MarshalText returns the name of t, or an error if t has none.
func (t Tile) MarshalText() ([]byte, error) { return tileNames.Marshal(t) }

// UnmarshalText sets *t to the tile that text names, as ParseTile does.
func (t *Tile) UnmarshalText(text []byte) error { return tileNames.Unmarshal(t, text) }

var formatNames = names.Of[Format]{FormatE4M3: "e4m3", FormatE5M2: "e5m2"}

// ParseFormat returns the format that s names, as String prints it: "e4m3" or "e5m2".
func ParseFormat(s string) (Format, error) { return formatNames.Parse(s) }

// String returns the name of f, which ParseFormat reads back, or "Format(n)" if f has none.
func (f Format) String() string { return formatNames.String(f) }

// MarshalText returns the name of f, or an error if f has none.
func (f Format) MarshalText() ([]byte, error) { return formatNames.Marshal(f) }

// UnmarshalText sets *f to the format that text names, as ParseFormat does.
func (f *Format) UnmarshalText(text []byte) error { return formatNames.Unmarshal(f, text) }

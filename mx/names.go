package mx

import "github.com/trueup-rl/trueup/internal/names"

var recipeNames = names.Of[Recipe]{
	Default:             "default",
	RCeil:               "rceil",
	TorchAOFloor:        "torchao-floor",
	TorchAOCeil:         "torchao-ceil",
	TorchAOEven:         "torchao-even",
	TorchAORCeil:        "torchao-rceil",
	ModelOpt:            "modelopt",
	CompressedTensors:   "compressed-tensors",
	DeepGEMM:            "deepgemm",
	FBGEMMFloor:         "fbgemm-floor",
	FBGEMMCeil:          "fbgemm-ceil",
	FBGEMMEven:          "fbgemm-even",
	FBGEMMNearest:       "fbgemm-nearest",
	GGML:                "ggml",
	MicroxcalingNearest: "microxcaling-nearest",
	MicroxcalingEven:    "microxcaling-even",
}

// Recipes returns all recipes.
func Recipes() []Recipe { return recipeNames.All() }

// ParseRecipe returns the recipe that s names, as String prints it: the words of the constant's name
// in lower case, joined by '-', "torchao-floor" for example.
func ParseRecipe(s string) (Recipe, error) { return recipeNames.Parse(s) }

// String returns the name of r, which ParseRecipe reads back, or "Recipe(n)" if r has none.
func (r Recipe) String() string { return recipeNames.String(r) }

// MarshalText returns the name of r, or an error if r has none.
func (r Recipe) MarshalText() ([]byte, error) { return recipeNames.Marshal(r) }

// UnmarshalText sets *r to the recipe that text names, as ParseRecipe does.
func (r *Recipe) UnmarshalText(text []byte) error { return recipeNames.Unmarshal(r, text) }

var formatNames = names.Of[Format]{E4M3: "e4m3", E5M2: "e5m2", E2M3: "e2m3", E3M2: "e3m2", E2M1: "e2m1"}

// ParseFormat returns the format that s names, as String prints it: "e4m3", "e5m2", "e2m3", "e3m2" or
// "e2m1".
func ParseFormat(s string) (Format, error) { return formatNames.Parse(s) }

// String returns the name of f, which ParseFormat reads back, or "Format(n)" if f has none.
func (f Format) String() string { return formatNames.String(f) }

// MarshalText returns the name of f, or an error if f has none.
func (f Format) MarshalText() ([]byte, error) { return formatNames.Marshal(f) }

// UnmarshalText sets *f to the format that text names, as ParseFormat does.
func (f *Format) UnmarshalText(text []byte) error { return formatNames.Unmarshal(f, text) }

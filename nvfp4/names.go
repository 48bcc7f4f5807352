package nvfp4

import "fmt"

var recipeNames = [...]string{
	Default:           "default",
	ModelOpt:          "modelopt",
	TransformerEngine: "transformer-engine",
}

// ParseRecipe returns the recipe that s names, as String prints it: "default", "modelopt" or
// "transformer-engine".
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

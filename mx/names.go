package mx

import "fmt"

// ParseRecipe returns the recipe that s names, as String prints it.
func ParseRecipe(s string) (Recipe, error) {
	for r := range rows {
		if s == rows[r].name {
			return Recipe(r), nil
		}
	}
	return 0, fmt.Errorf("mx: unknown recipe %q", s)
}

// String returns the name of r, which ParseRecipe reads back: the words of the constant's name in
// lower case, joined by hyphens. It returns "Recipe(n)" if r has none.
func (r Recipe) String() string {
	if r < recipeCount {
		return rows[r].name
	}
	return fmt.Sprintf("Recipe(%d)", uint8(r))
}

// MarshalText returns the name of r, or an error if r has none.
func (r Recipe) MarshalText() ([]byte, error) {
	if r >= recipeCount {
		return nil, fmt.Errorf("mx: no recipe %d", uint8(r))
	}
	return []byte(r.String()), nil
}

// UnmarshalText sets *r to the recipe that text names, as ParseRecipe does.
func (r *Recipe) UnmarshalText(text []byte) error {
	parsed, err := ParseRecipe(string(text))
	if err == nil {
		*r = parsed
	}
	return err
}

// ParseFormat returns the format that s names, as String prints it: "e4m3", "e5m2", "e2m3", "e3m2" or
// "e2m1".
func ParseFormat(s string) (Format, error) {
	for f := range elements {
		if s == elements[f].name {
			return Format(f), nil
		}
	}
	return 0, fmt.Errorf("mx: unknown format %q", s)
}

// String returns the name of f, which ParseFormat reads back, or "Format(n)" if f has none.
func (f Format) String() string {
	if f < formatCount {
		return elements[f].name
	}
	return fmt.Sprintf("Format(%d)", uint8(f))
}

// MarshalText returns the name of f, or an error if f has none.
func (f Format) MarshalText() ([]byte, error) {
	if f >= formatCount {
		return nil, fmt.Errorf("mx: no format %d", uint8(f))
	}
	return []byte(f.String()), nil
}

// UnmarshalText sets *f to the format that text names, as ParseFormat does.
func (f *Format) UnmarshalText(text []byte) error {
	parsed, err := ParseFormat(string(text))
	if err == nil {
		*f = parsed
	}
	return err
}

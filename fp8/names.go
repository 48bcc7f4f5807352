package fp8

import (
	"fmt"
	"slices"
)

// The text forms of recipes, tiles and formats: the names of constants that count from 0.

func parseName[T ~uint8](what string, names []string, s string) (T, error) {
	i := slices.Index(names, s)
	if i < 0 {
		return 0, fmt.Errorf("fp8: unknown %s %q, want one of %q", what, s, names)
	}
	return T(i), nil
}

func nameString[T ~uint8](typ string, names []string, v T) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("%s(%d)", typ, uint8(v))
}

func marshalName[T ~uint8](what string, names []string, v T) ([]byte, error) {
	if int(v) >= len(names) {
		return nil, fmt.Errorf("fp8: no %s %d", what, uint8(v))
	}
	return []byte(names[v]), nil
}

// unmarshalName sets *v, or leaves it on an error.
func unmarshalName[T ~uint8](what string, names []string, text []byte, v *T) error {
	parsed, err := parseName[T](what, names, string(text))
	if err == nil {
		*v = parsed
	}
	return err
}

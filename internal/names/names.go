// Package names gives the constants of an enumeration their text names, as configurations and flags
// have them: recipes, formats, tiles, orders.
package names

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Of holds the text names of the constants of type T, which count from 0. Errors begin with T's
// package, and say what T is by its name in lower case.
type Of[T ~uint8] []string

// All returns all constants.
func (n Of[T]) All() []T {
	all := make([]T, len(n))
	for i := range all {
		all[i] = T(i)
	}
	return all
}

// Parse returns the constant that s names.
func (n Of[T]) Parse(s string) (T, error) {
	i := slices.Index(n, s)
	if i < 0 {
		pkg, kind := describe[T]()
		return 0, fmt.Errorf("%s: unknown %s %q, want one of %q", pkg, strings.ToLower(kind), s, []string(n))
	}
	return T(i), nil
}

// String returns the name of v, or T's name and the number if v has none: "Recipe(200)".
func (n Of[T]) String(v T) string {
	if int(v) < len(n) {
		return n[v]
	}
	_, kind := describe[T]()
	return fmt.Sprintf("%s(%d)", kind, uint8(v))
}

// Marshal returns the name of v, or an error if v has none.
func (n Of[T]) Marshal(v T) ([]byte, error) {
	if int(v) >= len(n) {
		pkg, kind := describe[T]()
		return nil, fmt.Errorf("%s: no %s %d", pkg, strings.ToLower(kind), uint8(v))
	}
	return []byte(n[v]), nil
}

// Unmarshal sets *v to the constant that text names, or leaves it on an error.
func (n Of[T]) Unmarshal(v *T, text []byte) error {
	parsed, err := n.Parse(string(text))
	if err == nil {
		*v = parsed
	}
	return err
}

// describe returns the names of T's package and of T.
func describe[T any]() (pkg, kind string) {
	pkg, kind, _ = strings.Cut(reflect.TypeFor[T]().String(), ".")
	return pkg, kind
}

package names_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/mx"
	"github.com/trueup-rl/trueup/nvfp4"
)

// TestRecipes holds the text names of all recipes to one rule: the words of the constant's name in
// lower case, with hyphens between them, and 16x16 for Tile.
func TestRecipes(t *testing.T) {
	for pkg, texts := range map[string][]string{
		"nvfp4": texts(nvfp4.Recipes()), "fp8": texts(fp8.Recipes()), "mx": texts(mx.Recipes()),
	} {
		constants := recipeConstants(t, "../../"+pkg+"/recipe.go")
		require.Len(t, texts, len(constants), pkg)
		for i, c := range constants {
			want := strings.ToLower(strings.ReplaceAll(c, "Tile", "16x16"))
			assert.Equal(t, want, strings.ReplaceAll(texts[i], "-", ""), pkg)
			assert.Regexp(t, "^[a-z0-9]+(-[a-z0-9]+)*$", texts[i], pkg)
		}
	}
}

func texts[T fmt.Stringer](values []T) (texts []string) {
	for _, v := range values {
		texts = append(texts, v.String())
	}
	return texts
}

// recipeConstants returns the exported constants of the file that begin with one of type Recipe.
func recipeConstants(t *testing.T, path string) (names []string) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	require.NoError(t, err)
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		if typ, ok := group.Specs[0].(*ast.ValueSpec).Type.(*ast.Ident); !ok || typ.Name != "Recipe" {
			continue
		}
		for _, spec := range group.Specs {
			for _, name := range spec.(*ast.ValueSpec).Names {
				if name.IsExported() {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

// Package lint holds the code to rules that the compiler does not know: what an
// importer links, and arithmetic that gives the same bits on every machine.
package lint

import (
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/trueup-rl/trueup"

func goList(t *testing.T, args ...string) []string {
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Env = append(os.Environ(), "GOWORK=off") // this module, not the nested ones
	out, err := cmd.Output()
	require.NoError(t, err)
	return strings.Fields(string(out))
}

// TestWhatAnImporterLinks locks the foreign packages that a trainer takes on by
// importing the correction.
func TestWhatAnImporterLinks(t *testing.T) {
	allowed := []string{"golang.org/x/sys/cpu"}
	for _, path := range goList(t, "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", module+"/correction/...") {
		if !strings.HasPrefix(path, module+"/") {
			assert.Contains(t, allowed, path)
		}
	}
}

// valuePackages returns the directories of the packages whose results must not
// depend on the machine: all of the module's.
func valuePackages(t *testing.T) []string {
	return goList(t, "-f", "{{.Dir}}", module+"/...")
}

// TestNoTranscendentals finds uses of functions of package math whose results
// differ between architectures.
func TestNoTranscendentals(t *testing.T) {
	banned := map[string]bool{}
	for _, name := range strings.Fields("Exp Exp2 Expm1 Log Log2 Log10 Log1p Pow Pow10 Tanh Sinh Cosh Tan Sin Cos Atan Asin Acos Gamma Erf Erfc Cbrt Hypot") {
		banned[name] = true
	}
	for _, dir := range valuePackages(t) {
		fset := token.NewFileSet()
		for _, file := range parse(t, fset, dir) {
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "math" && banned[s.Sel.Name] {
						t.Errorf("%s: math.%s differs between architectures; use internal/kernel", fset.Position(n.Pos()), s.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// TestNoFusedProducts finds floating-point products that the compiler may fuse
// into a sum, which it does on some architectures and not on others, also across
// statements and inlined calls. A product is safe as an operand of * or /, and
// inside an explicit conversion: float64(x*y) + z.
func TestNoFusedProducts(t *testing.T) {
	fset := token.NewFileSet()
	imports := importer.ForCompiler(fset, "source", nil)
	for _, dir := range valuePackages(t) {
		files := parse(t, fset, dir)
		info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
		config := types.Config{Importer: imports, FakeImportC: true}
		_, err := config.Check(dir, fset, files, info)
		require.NoError(t, err)
		for _, file := range files {
			checkProducts(t, fset, info, file)
		}
	}
}

func checkProducts(t *testing.T, fset *token.FileSet, info *types.Info, file *ast.File) {
	safe := map[ast.Expr]bool{}
	protect := func(e ast.Expr) {
		for {
			safe[e] = true
			p, ok := e.(*ast.ParenExpr)
			if !ok {
				return
			}
			e = p.X
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if info.Types[n.Fun].IsType() {
				for _, arg := range n.Args {
					protect(arg)
				}
			}
		case *ast.BinaryExpr:
			if n.Op == token.MUL || n.Op == token.QUO {
				protect(n.X)
				protect(n.Y)
			}
			tv := info.Types[n]
			if n.Op == token.MUL && tv.Value == nil && isFloat(tv.Type) && !safe[n] {
				t.Errorf("%s: a product that may be fused into a sum; convert it: float64(x*y)", fset.Position(n.Pos()))
			}
		case *ast.AssignStmt:
			if n.Tok == token.MUL_ASSIGN && isFloat(info.Types[n.Lhs[0]].Type) {
				t.Errorf("%s: *= may be fused into a sum; write x = float64(x*y)", fset.Position(n.Pos()))
			}
		}
		return true
	})
}

func isFloat(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsFloat != 0
}

// parse returns the syntax of a directory's files for this platform, tests left
// out.
func parse(t *testing.T, fset *token.FileSet, dir string) []*ast.File {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		match, err := build.Default.MatchFile(dir, filepath.Base(path))
		require.NoError(t, err)
		if !match {
			continue
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
	}
	return files
}

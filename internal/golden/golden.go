// Package golden finds and reads the reference vectors that tests compare against: files made by
// running other implementations.
//
// The repository carries a small set under testdata. A larger one, laid out the same way, is used
// instead where an environment variable names it:
//
//	TRUEUP_GOLDEN  correction/ formats/{elem,fp8,mx,nvfp4,swizzle}/   else testdata/golden
//	TRUEUP_DATA    weights/ and other real data                        else testdata/data
//
// Tests walk whatever files a set has. go test caches results by the variables but not by what files
// outside of the module hold: -count=1 runs again after a change there.
package golden

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

const modulePath = "github.com/trueup-rl/trueup"

// Dir returns the path of sub, a slash-separated path of a directory or a file, among the golden
// vectors. A set named by TRUEUP_GOLDEN may be partial: the test is skipped where it lacks sub.
// In the repository's own set, a missing sub fails the test.
func Dir(tb testing.TB, sub string) string {
	tb.Helper()
	return find(tb, "TRUEUP_GOLDEN", "golden", sub)
}

// Data is Dir for real data: below TRUEUP_DATA if set, else below testdata/data.
func Data(tb testing.TB, sub string) string {
	tb.Helper()
	return find(tb, "TRUEUP_DATA", "data", sub)
}

func find(tb testing.TB, env, name, sub string) string {
	tb.Helper()
	base := os.Getenv(env)
	if base == "" {
		base = filepath.Join(repoRoot(tb), "testdata", name)
	} else if _, err := os.Stat(base); err != nil {
		tb.Fatalf("golden: %s: %v", env, err)
	} else if _, err := os.Stat(filepath.Join(base, filepath.FromSlash(sub))); errors.Is(err, fs.ErrNotExist) {
		tb.Skipf("golden: the set named by %s has no %s", env, sub)
	}
	path := filepath.Join(base, filepath.FromSlash(sub))
	if _, err := os.Stat(path); err != nil {
		tb.Fatalf("golden: %v", err)
	}
	return path
}

// repoRoot walks up from the working directory, which go test sets to the package's directory, to
// the root module. Nested modules (cmd, bench, examples) are passed by.
func repoRoot(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatalf("golden: %v", err)
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil {
			first, _, _ := bytes.Cut(mod, []byte("\n"))
			if string(bytes.TrimSpace(first)) == "module "+modulePath {
				return dir
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			tb.Fatalf("golden: no go.mod of %s at or above the working directory", modulePath)
		}
		dir = parent
	}
}

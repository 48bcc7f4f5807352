package golden_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/internal/golden"
)

func TestDirEnv(t *testing.T) {
	base := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(base, "formats", "fp8"), 0o755))
	for env, dir := range map[string]func(testing.TB, string) string{"TRUEUP_GOLDEN": golden.Dir, "TRUEUP_DATA": golden.Data} {
		t.Setenv(env, base)
		assert.Equal(t, filepath.Join(base, "formats", "fp8"), dir(t, "formats/fp8"))

		skipped := &recorder{TB: t}
		skipped.run(func() { dir(skipped, "formats/none") })
		assert.True(t, skipped.skipped, "a partial set skips")

		t.Setenv(env, filepath.Join(base, "absent"))
		failed := &recorder{TB: t}
		failed.run(func() { dir(failed, "formats/fp8") })
		assert.True(t, failed.failed, "an absent set fails")
	}
}

func TestDirDefault(t *testing.T) {
	t.Setenv("TRUEUP_GOLDEN", "")
	got := golden.Dir(t, "formats")
	assert.Equal(t, filepath.Join("testdata", "golden", "formats"), mustRel(t, filepath.Join("..", ".."), got))

	failed := &recorder{TB: t}
	failed.run(func() { golden.Dir(failed, "none") })
	assert.True(t, failed.failed)
}

func mustRel(t *testing.T, base, path string) string {
	abs, err := filepath.Abs(base)
	require.NoError(t, err)
	rel, err := filepath.Rel(abs, path)
	require.NoError(t, err)
	return rel
}

// recorder notes how a call ended instead of ending the test.
type recorder struct {
	testing.TB
	skipped, failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Skipf(string, ...any)  { r.skipped = true; runtime.Goexit() }
func (r *recorder) Fatalf(string, ...any) { r.failed = true; runtime.Goexit() }

// run calls f on a goroutine of its own, for Fatalf to end.
func (r *recorder) run(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

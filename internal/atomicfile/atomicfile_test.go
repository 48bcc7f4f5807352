package atomicfile_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/internal/atomicfile"
)

func put(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.html")
	for _, text := range []string{"first", "second"} {
		require.NoError(t, atomicfile.Write(path, put(text)))
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, text, string(got))
	}

	failed := errors.New("half way")
	err := atomicfile.Write(path, func(w io.Writer) error {
		_, _ = io.WriteString(w, "thi")
		return failed
	})
	require.ErrorIs(t, err, failed)
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "second", string(got))

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing is left behind")
	assert.Error(t, atomicfile.Write(filepath.Join(dir, "no", "such", "folder"), put("x")))
}

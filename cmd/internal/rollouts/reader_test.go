package rollouts

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func tempFile(t *testing.T, name string, content []byte) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

func TestOpenSeveral(t *testing.T) {
	a := tempFile(t, "a.bin", write(t, plainRows))
	b := tempFile(t, "b.parquet", jsonLines(t, plainRows[:2])) // the name does not matter
	var read, total int64
	opts := Options{TrainerColumn: trainerColumn, Progress: func(r, n int64) {
		require.GreaterOrEqual(t, r, read)
		read, total = r, n
	}}
	r, err := Open(opts, a, b)
	require.NoError(t, err)
	defer r.Close()
	rows, err := readAll(r)
	require.NoError(t, err)
	require.Len(t, rows, 5)
	require.Equal(t, a, rows[2].File)
	require.EqualValues(t, 2, rows[2].Index)
	require.Equal(t, b, rows[3].File)
	require.EqualValues(t, 0, rows[3].Index)
	require.Equal(t, total, read)
	require.NotZero(t, total)
	require.Equal(t, io.EOF, r.Next(new(Row)))
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	empty := tempFile(t, "empty.parquet", nil)
	for path, want := range map[string]string{dir: "is a directory", empty: "is empty"} {
		_, err := Open(Options{}, path)
		require.EqualError(t, err, path+": "+want)
	}
	_, err := Open(Options{}, empty+".missing")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Open(Options{})
	require.EqualError(t, err, "no input file")

	none := tempFile(t, "none.parquet", write(t, []plainRow{}))
	blank := tempFile(t, "blank.jsonl", []byte("\n"))
	r, err := Open(Options{TrainerColumn: trainerColumn}, none, blank)
	require.NoError(t, err)
	defer r.Close()
	require.EqualError(t, r.Next(new(Row)), none+", "+blank+": no rows")
}

// Streams can be read only once, so Parquet goes through a temporary file.
func TestStream(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	want, err := read(write(t, plainRows))
	require.NoError(t, err)
	for name, content := range map[string][]byte{
		"parquet": write(t, plainRows), "jsonl": jsonLines(t, plainRows),
	} {
		t.Run(name, func(t *testing.T) {
			opts := Options{TrainerColumn: trainerColumn, Progress: func(_, total int64) { require.Zero(t, total) }}
			r := New(opts, "test", iotest.OneByteReader(bytes.NewReader(content)))
			got, err := readAll(r)
			require.NoError(t, err)
			require.NoError(t, r.Close())
			requireRows(t, want, got)
			left, err := os.ReadDir(os.TempDir())
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
	r := New(Options{}, "test", iotest.OneByteReader(bytes.NewReader(nil)))
	require.EqualError(t, r.Next(new(Row)), "test: is empty")
	r = New(Options{TrainerColumn: trainerColumn}, "test", io.MultiReader(
		bytes.NewReader(jsonLines(t, plainRows[:1])), iotest.ErrReader(errors.New("cable cut"))))
	_, err = readAll(r)
	require.EqualError(t, err, "test: after line 1: cable cut")
}

func TestStandardInput(t *testing.T) {
	old := os.Stdin
	defer func() { os.Stdin = old }()
	var err error
	os.Stdin, err = os.Open(tempFile(t, "in", write(t, plainRows)))
	require.NoError(t, err)
	defer os.Stdin.Close()
	r, err := Open(Options{TrainerColumn: trainerColumn}, "-")
	require.NoError(t, err)
	defer r.Close()
	rows, err := readAll(r)
	require.NoError(t, err)
	require.Len(t, rows, 3)
	require.Equal(t, "standard input", rows[0].File)
}

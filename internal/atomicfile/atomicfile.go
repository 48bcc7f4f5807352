// Package atomicfile replaces files so that a reader, or a crash, never finds
// half of one.
package atomicfile

import (
	"io"
	"os"
	"path/filepath"
)

// Write gives write a temporary file in the directory of path, syncs it and
// renames it to path. After an error path is as it was and nothing is left
// behind. The file's mode is that of one made by os.Create, or of the file it
// replaces.
func Write(path string, write func(io.Writer) error) (err error) {
	mode := os.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = write(f); err != nil {
		return err
	}
	if err = f.Chmod(mode); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

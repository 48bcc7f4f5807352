package rollouts

import (
	"errors"
	"fmt"
)

// The Parquet library trusts the sizes that a file declares and panics on some
// files that contradict themselves. Here its panics become errors, and sizes
// are checked before it allocates by them.

// errCorrupt is the error of a file that is not valid Parquet.
type errCorrupt struct{ err error }

func (e errCorrupt) Error() string { return "truncated or corrupt Parquet: " + e.err.Error() }
func (e errCorrupt) Unwrap() error { return e.err }

// corrupt calls f and marks its error, or its panic, as the file's fault.
func corrupt(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errCorrupt{fmt.Errorf("%v", p)}
		}
	}()
	if err = f(); err == nil {
		return nil
	}
	if _, ok := errors.AsType[errCorrupt](err); ok {
		return err
	}
	return errCorrupt{err}
}

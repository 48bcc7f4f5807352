package rollouts

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Options say what to read.
type Options struct {
	// TrainerColumn names the trainer's log-probabilities, for example
	// "trainer_logprob_bf16".
	TrainerColumn string

	// Progress, if not nil, is called after every row with the bytes behind
	// the reader and the bytes in all, which is 0 where a stream hides it.
	Progress func(read, total int64)
}

// Reader reads the rows of its files, one file after the other.
type Reader struct {
	opts  Options
	files []*input // not yet finished; the first is being read
	src   source   // of the first, nil before it is opened

	names string // for the error about no rows at all
	rows  int64  // returned so far
	index int64  // of the next row of the first file
	done  int64  // bytes of the finished files
	total int64
}

// source is an opened file.
type source interface {
	next(*Row) error // io.EOF after the last row
	offset() int64   // bytes behind the reader
	close() error
}

// Open returns a Reader over the named files; "-" is standard input. A file
// that is missing, empty or a directory is reported now, not when its turn
// comes.
func Open(opts Options, paths ...string) (*Reader, error) {
	if len(paths) == 0 {
		return nil, errors.New("no input file")
	}
	r := &Reader{opts: opts, names: strings.Join(paths, ", ")}
	for _, p := range paths {
		in, err := openInput(p)
		if err != nil {
			r.Close()
			return nil, err
		}
		r.add(in)
	}
	return r, nil
}

// New returns a Reader over rd, which messages call name. If rd also
// implements io.ReaderAt and has a method Size() int64, as bytes.Reader does,
// Parquet is read in place, otherwise from a temporary copy.
func New(opts Options, name string, rd io.Reader) *Reader {
	r := &Reader{opts: opts, names: name}
	r.add(newInput(name, rd))
	return r
}

func (r *Reader) add(in *input) {
	r.files = append(r.files, in)
	if in.size == 0 || r.total < 0 {
		r.total = -1 // one stream hides the total
	} else {
		r.total += in.size
	}
}

// Next fills row with the next row. It returns io.EOF after the last one, and
// an error if there was none in any file. An error names the file and the
// place; the Reader is then of no more use except to be closed.
func (r *Reader) Next(row *Row) error {
	for len(r.files) > 0 {
		in := r.files[0]
		if r.src == nil {
			src, err := in.open(r.opts)
			if err != nil {
				return fmt.Errorf("%s: %w", in.name, err)
			}
			r.src = src
		}
		row.File, row.Index = in.name, r.index
		switch err := r.src.next(row); {
		case err == nil:
			r.rows++
			r.index++
			if r.opts.Progress != nil {
				r.opts.Progress(r.done+r.src.offset(), max(r.total, 0))
			}
			return nil
		case err != io.EOF:
			return fmt.Errorf("%s: %w", in.name, err)
		}
		if err := r.closeFirst(); err != nil {
			return fmt.Errorf("%s: %w", in.name, err)
		}
	}
	if r.rows == 0 {
		return fmt.Errorf("%s: no rows", r.names)
	}
	return io.EOF
}

func (r *Reader) closeFirst() error {
	in := r.files[0]
	r.files = r.files[1:]
	r.index = 0
	var err error
	if r.src != nil {
		r.done += r.src.offset()
		err = r.src.close()
		r.src = nil
	}
	return errors.Join(err, in.close())
}

// Close closes what is still open and removes temporary files.
func (r *Reader) Close() error {
	var errs []error
	for len(r.files) > 0 {
		errs = append(errs, r.closeFirst())
	}
	return errors.Join(errs...)
}

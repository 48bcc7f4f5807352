package rollouts

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// sizedReaderAt is content that can be read at any place.
type sizedReaderAt interface {
	io.ReaderAt
	Size() int64
}

// input is a file before its type is known.
type input struct {
	name  string
	r     io.Reader
	at    sizedReaderAt // nil for a stream
	size  int64         // 0 if unknown
	close func() error
}

func newInput(name string, r io.Reader) *input {
	in := &input{name: name, r: r, close: func() error { return nil }}
	if at, ok := r.(sizedReaderAt); ok {
		in.at, in.size = at, at.Size()
	}
	return in
}

// openInput opens the file at path, or standard input for "-".
func openInput(path string) (*input, error) {
	if path == "-" {
		return newInput("standard input", onlyReader{os.Stdin}), nil
	}
	f, err := os.Open(path)
	if err != nil {
		if pe, ok := errors.AsType[*fs.PathError](err); ok {
			err = pe.Err
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	in, err := fileInput(path, f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return in, nil
}

func fileInput(path string, f *os.File) (*input, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	in := &input{name: path, r: f, close: f.Close}
	switch mode := info.Mode(); {
	case mode.IsDir():
		return nil, errors.New("is a directory")
	case mode.IsRegular():
		if info.Size() == 0 {
			return nil, errEmpty
		}
		in.size = info.Size()
		in.at = io.NewSectionReader(f, 0, in.size)
	}
	return in, nil
}

// onlyReader hides the other methods of a Reader.
type onlyReader struct{ io.Reader }

var errEmpty = errors.New("is empty")

// open tells the type of the file by its first bytes.
func (in *input) open(opts Options) (source, error) {
	br := bufio.NewReaderSize(in.r, 1<<16)
	magic, err := br.Peek(4)
	if len(magic) == 0 {
		if err != io.EOF {
			return nil, err
		}
		return nil, errEmpty
	}
	switch string(magic) {
	case "PAR1", "PARE": // E: with an encrypted footer
		if in.at != nil {
			return openParquet(in.at, opts.TrainerColumn)
		}
		tmp, err := spool(br)
		if err != nil {
			return nil, err
		}
		src, err := openParquet(tmp, opts.TrainerColumn)
		if err != nil {
			return nil, errors.Join(err, tmp.Close())
		}
		src.spool = tmp
		return src, nil
	}
	return newJSONL(br, opts.TrainerColumn), nil
}

// spoolFile is a temporary file that Close removes.
type spoolFile struct {
	*os.File
	size int64
}

// spool copies a stream to a temporary file: Parquet keeps its index at the
// end.
func spool(r io.Reader) (*spoolFile, error) {
	f, err := os.CreateTemp("", "trueup-*.parquet")
	if err != nil {
		return nil, err
	}
	s := &spoolFile{File: f}
	if s.size, err = io.Copy(f, r); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *spoolFile) Size() int64 { return s.size }

func (s *spoolFile) Close() error {
	return errors.Join(s.File.Close(), os.Remove(s.Name()))
}

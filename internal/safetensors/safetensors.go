// Package safetensors reads the safetensors format: named tensors behind a JSON header.
//
//	8 bytes   length n of the header, little-endian
//	n bytes   {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …,
//	           "__metadata__": {"key": "value"}}, padded with spaces
//	the rest  the tensors' data, little-endian, row-major; offsets count from here
//
// The reader is strict, since files come from outside: a header longer than the file or than
// 100 MB, an unknown or repeated key, an unknown type, offsets out of range, and a size other than
// shape × type are errors that name the tensor. Tensors may overlap and may leave gaps, which the
// format's own library refuses.
package safetensors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
)

// maxHeader is the limit of the format's own library.
const maxHeader = 100_000_000

// A File is a parsed safetensors file. It keeps the bytes it was parsed from.
type File struct {
	Metadata map[string]string // nil if the file has none
	tensors  map[string]Tensor
}

// A Tensor is one entry of a File. Data aliases the bytes given to Parse, in row-major order.
type Tensor struct {
	DType string // as in the file: "F32", "BF16", "U8", …
	Shape []int  // empty for a scalar
	Data  []byte // little-endian
}

// Open reads and parses the file at path.
func Open(path string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	f, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%w (file %s)", err, path)
	}
	return f, nil
}

// Parse parses data without copying tensors. The caller must not change data afterwards.
func Parse(data []byte) (*File, error) {
	if len(data) < 8 {
		return nil, errors.New("safetensors: shorter than the header's length field")
	}
	n := binary.LittleEndian.Uint64(data)
	data = data[8:]
	if n > maxHeader {
		return nil, fmt.Errorf("safetensors: header of %d bytes is over the limit of %d", n, maxHeader)
	}
	if n > uint64(len(data)) {
		return nil, fmt.Errorf("safetensors: header of %d bytes is longer than the file", n)
	}
	return parseHeader(data[:n], data[n:])
}

// Names returns the names of all tensors, sorted.
func (f *File) Names() []string {
	return slices.Sorted(maps.Keys(f.tensors))
}

// Tensor returns the named tensor and whether there is one.
func (f *File) Tensor(name string) (Tensor, bool) {
	t, ok := f.tensors[name]
	return t, ok
}

package golden

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Limits of what ParseNPZ reads, against a damaged or hostile archive.
const (
	maxArrays     = 1 << 14
	maxArrayBytes = 1 << 28
	maxTotalBytes = 1 << 30
)

// Array is one NumPy array in C order. Exactly one of F32, U8 and I32 is non-nil: the one of the
// array's type. A scalar has an empty shape and one value.
type Array struct {
	Shape []int
	F32   []float32 // <f4
	U8    []uint8   // |u1
	I32   []int32   // <i4
}

// ReadNPZ reads the archive at path, keyed by array name without ".npy". An error fails the test.
func ReadNPZ(tb testing.TB, path string) map[string]Array {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	arrays, err := ParseNPZ(data)
	if err != nil {
		tb.Fatalf("%s: %v", path, err)
	}
	return arrays
}

// ParseNPZ reads a NumPy .npz archive: a zip file of .npy members. Types other than <f4, |u1 and
// <i4, Fortran order, duplicate names and more than 1 GiB of data are errors.
func ParseNPZ(data []byte) (map[string]Array, error) {
	zr, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("golden: npz: %w", err)
	}
	if len(zr.File) > maxArrays {
		return nil, errors.New("golden: npz: too many arrays")
	}
	arrays := make(map[string]Array, len(zr.File))
	total := 0
	for _, f := range zr.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			return nil, fmt.Errorf("golden: npz: %q is not an .npy member", f.Name)
		}
		if _, dup := arrays[name]; dup {
			return nil, fmt.Errorf("golden: npz: array %q occurs twice", name)
		}
		raw, err := readMember(f)
		if err != nil {
			return nil, fmt.Errorf("golden: npz: array %q: %w", name, err)
		}
		if total += len(raw); total > maxTotalBytes {
			return nil, errors.New("golden: npz: arrays too large")
		}
		a, err := ParseNPY(raw)
		if err != nil {
			return nil, fmt.Errorf("array %q: %w", name, err)
		}
		arrays[name] = a
	}
	return arrays, nil
}

// readMember inflates one zip member. The limit is on the bytes that come out, whatever size the
// archive declares.
func readMember(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, maxArrayBytes+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxArrayBytes {
		return nil, errors.New("too large")
	}
	return raw, nil
}

// npyHeader matches the dictionary that NumPy writes before the data, keys in this order.
var npyHeader = regexp.MustCompile(`^\{'descr': '([^']*)', 'fortran_order': (True|False), 'shape': \(([0-9, ]*)\), \} *\n?$`)

// ParseNPY reads one .npy array, format versions 1 to 3: magic, version, header length, header,
// data.
func ParseNPY(raw []byte) (Array, error) {
	const magic = "\x93NUMPY"
	if len(raw) < 10 || string(raw[:6]) != magic {
		return Array{}, errors.New("golden: npy: no magic")
	}
	var n, start uint64
	switch raw[6] {
	case 1:
		n, start = uint64(binary.LittleEndian.Uint16(raw[8:])), 10
	case 2, 3:
		if len(raw) < 12 {
			return Array{}, errors.New("golden: npy: truncated header")
		}
		n, start = uint64(binary.LittleEndian.Uint32(raw[8:])), 12
	default:
		return Array{}, fmt.Errorf("golden: npy: version %d", raw[6])
	}
	if n > uint64(len(raw))-start {
		return Array{}, errors.New("golden: npy: truncated header")
	}
	m := npyHeader.FindSubmatch(raw[start : start+n])
	if m == nil {
		return Array{}, errors.New("golden: npy: malformed header")
	}
	descr, order, body := string(m[1]), string(m[2]), raw[start+n:]
	if order == "True" {
		return Array{}, errors.New("golden: npy: Fortran order")
	}
	shape, count, err := parseShape(string(m[3]))
	if err != nil {
		return Array{}, err
	}
	size := map[string]int{"<f4": 4, "|u1": 1, "<i4": 4}[descr]
	if size == 0 {
		return Array{}, fmt.Errorf("golden: npy: type %q", descr)
	}
	if len(body)%size != 0 || len(body)/size != count {
		return Array{}, fmt.Errorf("golden: npy: %d bytes of data for shape %v of %s", len(body), shape, descr)
	}

	a := Array{Shape: shape}
	switch descr {
	case "<f4":
		a.F32 = make([]float32, count)
		for i := range a.F32 {
			a.F32[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:]))
		}
	case "|u1":
		a.U8 = append([]uint8{}, body...)
	case "<i4":
		a.I32 = make([]int32, count)
		for i := range a.I32 {
			a.I32[i] = int32(binary.LittleEndian.Uint32(body[4*i:]))
		}
	}
	return a, nil
}

// parseShape reads "3, 4", "7," or "" (a scalar) and multiplies the dimensions.
func parseShape(s string) (shape []int, count int, err error) {
	shape, count = []int{}, 1
	if s == "" {
		return shape, count, nil
	}
	for field := range strings.SplitSeq(strings.TrimSuffix(s, ","), ",") {
		d, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || d < 0 || d > maxArrayBytes || d != 0 && count > maxArrayBytes/d {
			return nil, 0, fmt.Errorf("golden: npy: shape (%s)", s)
		}
		shape = append(shape, d)
		count *= d
	}
	return shape, count, nil
}

package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The methods below copy a tensor's elements out in row-major order. They return an error that
// names the tensor if the file has none of that name, or one of another type. NaN payloads are
// kept, as far as the platform moves them unchanged.

// F32 returns the elements of a tensor of type F32.
func (f *File) F32(name string) ([]float32, error) {
	return values(f, name, "F32", func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) })
}

// F64 returns the elements of a tensor of type F64.
func (f *File) F64(name string) ([]float64, error) {
	return values(f, name, "F64", func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) })
}

// BF16 returns the bits of the elements of a tensor of type BF16.
func (f *File) BF16(name string) ([]uint16, error) {
	return values(f, name, "BF16", binary.LittleEndian.Uint16)
}

// I32 returns the elements of a tensor of type I32.
func (f *File) I32(name string) ([]int32, error) {
	return values(f, name, "I32", func(b []byte) int32 { return int32(binary.LittleEndian.Uint32(b)) })
}

// I64 returns the elements of a tensor of type I64.
func (f *File) I64(name string) ([]int64, error) {
	return values(f, name, "I64", func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) })
}

// U8 returns the elements of a tensor of type U8.
func (f *File) U8(name string) ([]uint8, error) {
	return values(f, name, "U8", func(b []byte) uint8 { return b[0] })
}

// U16 returns the elements of a tensor of type U16.
func (f *File) U16(name string) ([]uint16, error) {
	return values(f, name, "U16", binary.LittleEndian.Uint16)
}

// U32 returns the elements of a tensor of type U32.
func (f *File) U32(name string) ([]uint32, error) {
	return values(f, name, "U32", binary.LittleEndian.Uint32)
}

func values[T any](f *File, name, dtype string, get func([]byte) T) ([]T, error) {
	t, ok := f.tensors[name]
	if !ok {
		return nil, fmt.Errorf("safetensors: no tensor %q", name)
	}
	if t.DType != dtype {
		return nil, fmt.Errorf("safetensors: tensor %q: type %s, not %s", name, t.DType, dtype)
	}
	size := int(sizes[dtype])
	out := make([]T, len(t.Data)/size)
	for i := range out {
		out[i] = get(t.Data[i*size:])
	}
	return out, nil
}

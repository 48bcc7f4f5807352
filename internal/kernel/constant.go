package kernel

import (
	"bytes"
	"unsafe"
)

// Constant reports whether all elements of x, which has at least one, are equal:
// whether x is itself moved by one.
func Constant(x []int32) bool {
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
	return bytes.Equal(b[4:], b[:len(b)-4])
}

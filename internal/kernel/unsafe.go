package kernel

import "unsafe"

// Bytes returns x as plain bytes, in the same memory.
func Bytes[T ~uint8](x []T) []uint8 {
	return unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

// Words returns x as plain 16-bit words, in the same memory.
func Words[T ~uint16](x []T) []uint16 {
	return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}

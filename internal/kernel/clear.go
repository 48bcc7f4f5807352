package kernel

import "unsafe"

// cacheLine is what stores around the caches write at a time.
const cacheLine = 64

// ClearStreaming sets x to zeros. Where it can, it writes around the caches: that
// is faster for parts of what is much larger than they are, since memory need not
// be read to be written, unless what is written is soon read.
func ClearStreaming[T uint8 | float32](x []T) {
	var zero T
	p := unsafe.Pointer(unsafe.SliceData(x))
	b := unsafe.Slice((*byte)(p), len(x)*int(unsafe.Sizeof(zero)))
	if start := int(-uintptr(p) % cacheLine); start < len(b) {
		clear(b[:start])
		b = b[start:]
		b = b[clearLines(b):]
	}
	clear(b)
}

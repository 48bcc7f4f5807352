//go:build !amd64 || purego

package kernel

func read(src []byte) uint64 { return readGeneric(src) }

func write(dst []byte) { clear(dst) }

//go:build !purego

package kernel

//go:generate env GOWORK=off go -C _asm run ./stream -out ../zstream_amd64.s -stubs ../zstream_amd64.go -pkg kernel

func read(src []byte) uint64 {
	switch level {
	case AVX512:
		return readAVX512(&src[0], len(src)/streamGroup)
	case AVX2:
		return readAVX2(&src[0], len(src)/streamGroup)
	}
	return readGeneric(src)
}

func write(dst []byte) {
	switch level {
	case AVX512:
		writeAVX512(&dst[0], len(dst)/streamGroup)
	case AVX2:
		writeAVX2(&dst[0], len(dst)/streamGroup)
	default:
		clear(dst)
	}
}

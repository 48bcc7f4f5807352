package kernel

//go:generate env GOWORK=off go -C _asm run ./bf16 -out ../zbf16_amd64.s -stubs ../zbf16_amd64.go -pkg kernel
//go:generate env GOWORK=off go -C _asm run ./arm64/bf16 -out ../zbf16_arm64.s -stubs ../zbf16_arm64.go -pkg kernel

// EncodeBF16 sets dst[i] = BF16FromFloat32(src[i]). The lengths are equal.
func EncodeBF16(dst []uint16, src []float32) {
	n := encodeBF16Fast(dst, src)
	encodeBF16Generic(dst[n:], src[n:])
}

// DecodeBF16 sets dst[i] to the float32 whose upper half is src[i]: exactly, a
// NaN with its sign and payload. The lengths are equal.
func DecodeBF16(dst []float32, src []uint16) {
	n := decodeBF16Fast(dst, src)
	decodeBF16Generic(dst[n:], src[n:])
}

package kernel

//go:generate env GOWORK=off go -C _asm run ./quotients -out ../zquotients_amd64.s -stubs ../zquotients_amd64.go -pkg kernel

// Quotients sets dst[i] = src[i]/d, rounded. len(dst) is len(src); the two may be the same slice.
func Quotients(dst, src []float32, d float32) {
	n := quotientsFast(dst, src, d)
	quotientsGeneric(dst[n:], src[n:], d)
}

package kernel

//go:generate env GOWORK=off go -C _asm run ./amax -out ../zamax_amd64.s -stubs ../zamax_amd64.go -pkg kernel
//go:generate env GOWORK=off go -C _asm run ./arm64/amax -out ../zamax_arm64.s -stubs ../zamax_arm64.go -pkg kernel

import "math"

// AMax returns the float32 bits of the largest magnitude in src, 0 if it is
// empty. Bits order as magnitudes do, infinity above all numbers and NaN above
// infinity, where the largest payload wins.
func AMax(src []float32) uint32 {
	m, n := amaxFast(src)
	return max(m, amaxGeneric(src[n:]))
}

// AMaxBF16 is AMax of BF16 values. FP16 bits order in the same way.
func AMaxBF16(src []uint16) uint16 {
	m, n := amaxBF16Fast(src)
	return max(m, amaxBF16Generic(src[n:]))
}

// AMaxTiles sets amax[i] to the float32 whose bits are AMax of the i-th of
// len(amax) parts of src, all of one length.
func AMaxTiles(amax, src []float32) {
	width := tileWidth(len(src), len(amax))
	for i := amaxTilesFast(amax, src, width); i < len(amax); i++ {
		amax[i] = math.Float32frombits(AMax(src[i*width:][:width]))
	}
}

// AMaxTilesBF16 is AMaxTiles of BF16 values.
func AMaxTilesBF16(amax []float32, src []uint16) {
	width := tileWidth(len(src), len(amax))
	for i := amaxTilesBF16Fast(amax, src, width); i < len(amax); i++ {
		amax[i] = bf16Value(AMaxBF16(src[i*width:][:width]))
	}
}

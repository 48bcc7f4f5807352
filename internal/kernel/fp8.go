package kernel

//go:generate env GOWORK=off go -C _asm run ./fp8 -out ../zfp8_amd64.s -stubs ../zfp8_amd64.go -pkg kernel
//go:generate env GOWORK=off go -C _asm run ./arm64/fp8 -out ../zfp8_arm64.s -stubs ../zfp8_arm64.go -pkg kernel

import "math"

// In this file the lengths of dst and src are equal, and encoding saturates: it
// is that of E4M3FromFloat32 and E5M2FromFloat32. Functions of tiles cut src into
// as many parts as there are factors, all of one length; one factor is also that
// of a length which is no multiple of anything.

// EncodeE4M3 sets dst[i] = E4M3FromFloat32(src[i]).
func EncodeE4M3(dst []uint8, src []float32) {
	ScaleE4M3(dst, src, 1) // exact; a NaN stays a NaN, and all of them have one code
}

// EncodeE5M2 sets dst[i] = E5M2FromFloat32(src[i]).
func EncodeE5M2(dst []uint8, src []float32) {
	ScaleE5M2(dst, src, 1)
}

// ScaleE4M3 sets dst[i] = E4M3FromFloat32(src[i]·mult), the product rounded to
// float32.
func ScaleE4M3(dst []uint8, src []float32, mult float32) {
	ScaleE4M3Tiles(dst, src, []float32{mult})
}

// ScaleE4M3Tiles is ScaleE4M3 of tiles.
func ScaleE4M3Tiles(dst []uint8, src []float32, mult []float32) {
	n := scaleE4M3Fast(dst, src, mult)
	for r := newRest(n, len(src), len(mult)); r.next(); {
		scaleE4M3Generic(dst[r.from:r.to], src[r.from:r.to], mult[r.tile])
	}
}

// ScaleE5M2 sets dst[i] = E5M2FromFloat32(src[i]·mult), the product rounded to
// float32.
func ScaleE5M2(dst []uint8, src []float32, mult float32) {
	ScaleE5M2Tiles(dst, src, []float32{mult})
}

// ScaleE5M2Tiles is ScaleE5M2 of tiles.
func ScaleE5M2Tiles(dst []uint8, src []float32, mult []float32) {
	n := scaleE5M2Fast(dst, src, mult)
	for r := newRest(n, len(src), len(mult)); r.next(); {
		scaleE5M2Generic(dst[r.from:r.to], src[r.from:r.to], mult[r.tile])
	}
}

// QuantizeE4M3 sets dst[i] = E4M3FromFloat32(src[i]/scale), the quotient rounded
// to float32.
func QuantizeE4M3(dst []uint8, src []float32, scale float32) {
	if mult, ok := reciprocal(scale); ok {
		ScaleE4M3(dst, src, mult)
		return
	}
	QuantizeE4M3Tiles(dst, src, []float32{scale})
}

// QuantizeE4M3Tiles is QuantizeE4M3 of tiles.
func QuantizeE4M3Tiles(dst []uint8, src []float32, scale []float32) {
	n := quantizeE4M3Fast(dst, src, scale)
	for r := newRest(n, len(src), len(scale)); r.next(); {
		quantizeE4M3Generic(dst[r.from:r.to], src[r.from:r.to], scale[r.tile])
	}
}

// QuantizeE5M2 sets dst[i] = E5M2FromFloat32(src[i]/scale), the quotient rounded
// to float32.
func QuantizeE5M2(dst []uint8, src []float32, scale float32) {
	if mult, ok := reciprocal(scale); ok {
		ScaleE5M2(dst, src, mult)
		return
	}
	QuantizeE5M2Tiles(dst, src, []float32{scale})
}

// QuantizeE5M2Tiles is QuantizeE5M2 of tiles.
func QuantizeE5M2Tiles(dst []uint8, src []float32, scale []float32) {
	n := quantizeE5M2Fast(dst, src, scale)
	for r := newRest(n, len(src), len(scale)); r.next(); {
		quantizeE5M2Generic(dst[r.from:r.to], src[r.from:r.to], scale[r.tile])
	}
}

// ScaleE4M3BF16 is ScaleE4M3 of BF16 values.
func ScaleE4M3BF16(dst []uint8, src []uint16, mult float32) {
	ScaleE4M3BF16Tiles(dst, src, []float32{mult})
}

// ScaleE4M3BF16Tiles is ScaleE4M3BF16 of tiles.
func ScaleE4M3BF16Tiles(dst []uint8, src []uint16, mult []float32) {
	n := scaleE4M3BF16Fast(dst, src, mult)
	for r := newRest(n, len(src), len(mult)); r.next(); {
		scaleE4M3BF16Generic(dst[r.from:r.to], src[r.from:r.to], mult[r.tile])
	}
}

// QuantizeE4M3BF16 is QuantizeE4M3 of BF16 values.
func QuantizeE4M3BF16(dst []uint8, src []uint16, scale float32) {
	if mult, ok := reciprocal(scale); ok {
		ScaleE4M3BF16(dst, src, mult)
		return
	}
	QuantizeE4M3BF16Tiles(dst, src, []float32{scale})
}

// QuantizeE4M3BF16Tiles is QuantizeE4M3BF16 of tiles.
func QuantizeE4M3BF16Tiles(dst []uint8, src []uint16, scale []float32) {
	n := quantizeE4M3BF16Fast(dst, src, scale)
	for r := newRest(n, len(src), len(scale)); r.next(); {
		quantizeE4M3BF16Generic(dst[r.from:r.to], src[r.from:r.to], scale[r.tile])
	}
}

// QuantizeE4M3InBF16 is QuantizeE4M3BF16 with the quotient rounded to float32 and
// then to BF16. The scale is a BF16 value.
func QuantizeE4M3InBF16(dst []uint8, src []uint16, scale float32) {
	if mult, ok := reciprocal(scale); ok {
		ScaleE4M3BF16(dst, src, mult) // BF16 has the product, or rounds it to 0 as E4M3 does
		return
	}
	QuantizeE4M3InBF16Tiles(dst, src, []float32{scale})
}

// QuantizeE4M3InBF16Tiles is QuantizeE4M3InBF16 of tiles.
func QuantizeE4M3InBF16Tiles(dst []uint8, src []uint16, scale []float32) {
	n := quantizeE4M3InBF16Fast(dst, src, scale)
	for r := newRest(n, len(src), len(scale)); r.next(); {
		quantizeE4M3InBF16Generic(dst[r.from:r.to], src[r.from:r.to], scale[r.tile])
	}
}

// reciprocal returns 1/scale if scale is a power of two, of either sign, and both
// are normal. Then x/scale and x·(1/scale) are the same real number, rounded
// once: the same bits, also where the result is subnormal or overflows.
func reciprocal(scale float32) (mult float32, ok bool) {
	const mantissa = 1<<23 - 1
	u := math.Float32bits(scale)
	e := u >> 23 & 0xFF
	if u&mantissa != 0 || e == 0 || e >= 254 {
		return 0, false
	}
	return math.Float32frombits(u&f32Sign | (254-e)<<23), true
}

// rest walks over the elements that are left of tiles, tile by tile.
type rest struct {
	from, to    int // elements
	tile        int
	size, width int
}

// newRest begins at element n of size elements.
func newRest(n, size, tiles int) rest {
	return rest{to: n, size: size, width: tileWidth(size, tiles)}
}

func (r *rest) next() bool {
	r.from = r.to
	if r.from == r.size {
		return false
	}
	r.tile = r.from / r.width
	r.to = (r.tile + 1) * r.width
	return true
}

// tileWidth returns how many of n elements each tile has.
func tileWidth(n, tiles int) int {
	if tiles == 0 || n%tiles != 0 {
		panic("kernel: tiles of unequal length")
	}
	return n / tiles
}

// DecodeE4M3 sets dst[i] = E4M3ToFloat32(src[i])·mult, rounded once. A product
// that is NaN is the quiet one without payload, with the sign of src[i].
func DecodeE4M3(dst []float32, src []uint8, mult float32) {
	DecodeE4M3Tiles(dst, src, []float32{mult})
}

// DecodeE4M3Tiles is DecodeE4M3 of tiles.
func DecodeE4M3Tiles(dst []float32, src []uint8, mult []float32) {
	n := 0
	if makeNoNaN(mult) {
		n = decodeE4M3Fast(dst, src, mult)
	}
	for r := newRest(n, len(src), len(mult)); r.next(); {
		decodeE4M3Generic(dst[r.from:r.to], src[r.from:r.to], mult[r.tile])
	}
}

// DecodeE5M2 sets dst[i] = E5M2ToFloat32(src[i])·mult, rounded once. A product
// that is NaN is the quiet one without payload, with the sign of src[i].
func DecodeE5M2(dst []float32, src []uint8, mult float32) {
	DecodeE5M2Tiles(dst, src, []float32{mult})
}

// DecodeE5M2Tiles is DecodeE5M2 of tiles.
func DecodeE5M2Tiles(dst []float32, src []uint8, mult []float32) {
	n := 0
	if makeNoNaN(mult) {
		n = decodeE5M2Fast(dst, src, mult)
	}
	for r := newRest(n, len(src), len(mult)); r.next(); {
		decodeE5M2Generic(dst[r.from:r.to], src[r.from:r.to], mult[r.tile])
	}
}

// makeNoNaN reports whether all of mult are finite and not 0, so that a product
// with one is NaN only where the other factor is. Processors differ in the NaN
// they make of 0·∞, and in the one they keep of two.
func makeNoNaN(mult []float32) bool {
	for _, m := range mult {
		if m == 0 || m-m != 0 {
			return false
		}
	}
	return true
}

package fp4

// EncodedLen returns the number of bytes that n codes take: n/2, rounded up.
func EncodedLen(n int) int { return n/2 + n%2 }

// Pack returns the byte with the code even in the low nibble and odd in the high one.
func Pack(even, odd E2M1) byte { return byte(even&0xF | odd<<4) }

// Unpack returns the codes in the low and the high nibble of b.
func Unpack(b byte) (even, odd E2M1) { return E2M1(b & 0xF), E2M1(b >> 4) }

// Encode rounds src with FromFloat32 and packs the codes into dst; the high nibble of an odd row's
// last byte is 0. It panics unless len(dst) == EncodedLen(len(src)).
func Encode(dst []byte, src []float32) {
	if len(dst) != EncodedLen(len(src)) {
		panic(badLength)
	}
	for len(src) >= 2 {
		dst[0] = Pack(FromFloat32(src[0]), FromFloat32(src[1]))
		dst, src = dst[1:], src[2:]
	}
	if len(src) == 1 {
		dst[0] = Pack(FromFloat32(src[0]), 0)
	}
}

// Decode sets dst to the values of the codes in src; the high nibble of an odd row's last byte is
// ignored. It panics unless len(src) == EncodedLen(len(dst)).
func Decode(dst []float32, src []byte) {
	if len(src) != EncodedLen(len(dst)) {
		panic(badLength)
	}
	for i := range dst {
		dst[i] = E2M1(src[i/2] >> (i % 2 * 4)).Float32()
	}
}

const badLength = "fp4: length of the codes is not EncodedLen of the values"

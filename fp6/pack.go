package fp6

// EncodedLen returns the number of bytes that n codes take when packed: three for each four codes,
// of which the last may be incomplete.
func EncodedLen(n int) int { return n/4*3 + min(n%4, 1)*3 }

// Pack packs four codes a, b, c and d in three bytes as torchao's pack_uint6 does: the upper four
// bits of a and b, those of d and c, and the lower two of all.
//
//	aaaabbbb ddddcccc aabbddcc
func Pack(a, b, c, d uint8) [3]byte {
	return [3]byte{
		a<<2&0xF0 | b>>2&0x0F,
		d<<2&0xF0 | c>>2&0x0F,
		a<<6 | b<<4&0x30 | d<<2&0x0C | c&0x03,
	}
}

// Unpack returns the four codes that Pack packed.
func Unpack(p [3]byte) (a, b, c, d uint8) {
	a = p[0]>>2&0x3C | p[2]>>6
	b = p[0]<<2&0x3C | p[2]>>4&3
	c = p[1]<<2&0x3C | p[2]&3
	d = p[1]>>2&0x3C | p[2]>>2&3
	return a, b, c, d
}

// PackSlice packs codes, each in the low six bits of a byte, into dst; what is missing of the last
// four is 0. It panics unless len(dst) == EncodedLen(len(codes)).
func PackSlice[C ~uint8](dst []byte, codes []C) {
	if len(dst) != EncodedLen(len(codes)) {
		panic(badLength)
	}
	for ; len(codes) >= 4; codes, dst = codes[4:], dst[3:] {
		p := Pack(uint8(codes[0]), uint8(codes[1]), uint8(codes[2]), uint8(codes[3]))
		copy(dst, p[:])
	}
	if len(codes) > 0 {
		var last [4]uint8
		for i, c := range codes {
			last[i] = uint8(c)
		}
		p := Pack(last[0], last[1], last[2], last[3])
		copy(dst, p[:])
	}
}

// UnpackSlice sets codes to what PackSlice packed. It panics unless
// len(src) == EncodedLen(len(codes)).
func UnpackSlice[C ~uint8](codes []C, src []byte) {
	if len(src) != EncodedLen(len(codes)) {
		panic(badLength)
	}
	for ; len(src) > 0; src = src[3:] {
		var four [4]uint8
		four[0], four[1], four[2], four[3] = Unpack([3]byte(src))
		n := min(len(codes), 4)
		for i := range n {
			codes[i] = C(four[i])
		}
		codes = codes[n:]
	}
}

const badLength = "fp6: length of the packed codes is not EncodedLen of the codes"

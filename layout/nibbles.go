package layout

import "encoding/binary"

// PairsToHalves reorders 4-bit codes, block by block of n values: from columns 2j and 2j+1 in byte j,
// as the other packages and all Python and CUDA implementations have it, to columns j and j + n/2, as
// ggml does. The first is in the low nibble. dst and src may be the same slice, but must not overlap
// otherwise. It panics unless n is 16 or 32 and both slices are the same whole number of blocks long.
func PairsToHalves(dst, src []byte, n int) {
	checkCodes(dst, src, n)
	for ; len(src) > 0; dst, src = dst[n/2:], src[n/2:] {
		if n == 16 {
			w := word.Uint64(src)
			word.PutUint64(dst, spread(uint32(w))|spread(uint32(w>>32))<<4)
			continue
		}
		front, back := word.Uint64(src), word.Uint64(src[8:])
		word.PutUint64(dst, spread(uint32(front))|spread(uint32(back))<<4)
		word.PutUint64(dst[8:], spread(uint32(front>>32))|spread(uint32(back>>32))<<4)
	}
}

// HalvesToPairs undoes [PairsToHalves].
func HalvesToPairs(dst, src []byte, n int) {
	checkCodes(dst, src, n)
	for ; len(src) > 0; dst, src = dst[n/2:], src[n/2:] {
		if n == 16 {
			w := word.Uint64(src)
			word.PutUint64(dst, uint64(gather(w))|uint64(gather(w>>4))<<32)
			continue
		}
		even, odd := word.Uint64(src), word.Uint64(src[8:])
		word.PutUint64(dst, uint64(gather(even))|uint64(gather(odd))<<32)
		word.PutUint64(dst[8:], uint64(gather(even>>4))|uint64(gather(odd>>4))<<32)
	}
}

func checkCodes(dst, src []byte, n int) {
	if n != 16 && n != 32 {
		panic("layout: blocks of neither 16 nor 32 codes")
	}
	if len(dst) != len(src) || len(src)%(n/2) != 0 {
		panic("layout: codes are no whole number of blocks, or lengths differ")
	}
}

var word = binary.LittleEndian

// spread moves nibble i of w to nibble 2i.
func spread(w uint32) uint64 {
	x := uint64(w)
	x = (x | x<<16) & 0x0000FFFF_0000FFFF
	x = (x | x<<8) & 0x00FF00FF_00FF00FF
	return (x | x<<4) & 0x0F0F0F0F_0F0F0F0F
}

// gather undoes spread; it ignores the odd nibbles.
func gather(x uint64) uint32 {
	x &= 0x0F0F0F0F_0F0F0F0F
	x = (x | x>>4) & 0x00FF00FF_00FF00FF
	x = (x | x>>8) & 0x0000FFFF_0000FFFF
	return uint32(x | x>>16)
}

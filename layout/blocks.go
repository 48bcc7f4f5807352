package layout

import (
	"fmt"

	"github.com/trueup-rl/trueup/internal/kernel"
	"github.com/trueup-rl/trueup/internal/names"
)

// Blocks is a format that keeps the scales of some values in one block of bytes with their 4-bit
// codes. A row is a whole number of blocks.
//
//	           text name    values  bytes  made of
//	GGMLNVFP4  ggml-nvfp4       64     36  4 UE4M3 scales, then 16 codes for each, in halves
//	GGMLMXFP4  ggml-mxfp4       32     17  1 E8M0 scale, then 32 codes in halves
//	FBGEMMMX4  fbgemm-mx4       32     17  32 codes in pairs, then 1 E8M0 scale
//
// See [PairsToHalves] for the order of codes. ggml is at commit d99724f2, FBGEMM at 71d6f8b2.
//
// None has a tensor scale: what decodes to the same values elsewhere has one of 1. ggml decodes with
// doubled values and halved scales, which is the same; but it reads the NVFP4 scale 0x7F, a NaN
// elsewhere, as 0, and the MXFP4 scale 0xFF, a NaN elsewhere, as 2^128.
type Blocks uint8

// The formats that blocks are known of.
const (
	GGMLNVFP4 Blocks = iota
	GGMLMXFP4
	FBGEMMMX4
)

// blocks describes a format.
var blocks = [...]struct {
	values, group int  // of a block, of a scale
	halves        bool // order of the codes of a group
	codesFirst    bool
}{
	GGMLNVFP4: {values: 64, group: 16, halves: true},
	GGMLMXFP4: {values: 32, group: 32, halves: true},
	FBGEMMMX4: {values: 32, group: 32, codesFirst: true},
}

var blocksNames = names.Of[Blocks]{GGMLNVFP4: "ggml-nvfp4", GGMLMXFP4: "ggml-mxfp4", FBGEMMMX4: "fbgemm-mx4"}

// ParseBlocks returns the format that s names, as String prints it.
func ParseBlocks(s string) (Blocks, error) { return blocksNames.Parse(s) }

// String returns the name of b, which ParseBlocks reads back, or "Blocks(n)" if b has none.
func (b Blocks) String() string { return blocksNames.String(b) }

// MarshalText returns the name of b, or an error if b has none.
func (b Blocks) MarshalText() ([]byte, error) { return blocksNames.Marshal(b) }

// UnmarshalText sets *b to the format that text names, as ParseBlocks does.
func (b *Blocks) UnmarshalText(text []byte) error { return blocksNames.Unmarshal(b, text) }

// Values returns the number of values in a block.
func (b Blocks) Values() int { return blocks[b].values }

// Scales returns the number of scales in a block.
func (b Blocks) Scales() int { return blocks[b].values / blocks[b].group }

// Bytes returns the number of bytes of a block.
func (b Blocks) Bytes() int { return b.Values()/2 + b.Scales() }

// Join writes codes, in pairs, and their scales to dst in blocks. It panics unless the three are the
// same whole number of blocks long.
func Join[S ~uint8](dst, codes []byte, scales []S, b Blocks) {
	n := b.count(len(codes), len(scales))
	if len(dst) != n*b.Bytes() {
		panic("layout: lengths of blocks, codes and scales do not fit")
	}
	for range n {
		toScales, toCodes := b.cut(dst[:b.Bytes()])
		copy(toScales, kernel.Bytes(scales))
		if blocks[b].halves {
			PairsToHalves(toCodes, codes[:len(toCodes)], blocks[b].group)
		} else {
			copy(toCodes, codes)
		}
		dst, codes, scales = dst[b.Bytes():], codes[len(toCodes):], scales[len(toScales):]
	}
}

// Split undoes [Join]: it writes the codes of src, in pairs, and the scales. Bits are copied as they
// are, NaNs too. It returns an error unless src is as many blocks long as codes and scales are, and
// panics unless these are the same whole number of blocks.
func Split[S ~uint8](codes []byte, scales []S, src []byte, b Blocks) error {
	n := b.count(len(codes), len(scales))
	if want := n * b.Bytes(); len(src) != want {
		return fmt.Errorf("layout: %d bytes for %d values in %v blocks, want %d", len(src), n*b.Values(), b, want)
	}
	for range n {
		fromScales, fromCodes := b.cut(src[:b.Bytes()])
		copy(kernel.Bytes(scales), fromScales)
		if blocks[b].halves {
			HalvesToPairs(codes[:len(fromCodes)], fromCodes, blocks[b].group)
		} else {
			copy(codes, fromCodes)
		}
		src, codes, scales = src[b.Bytes():], codes[len(fromCodes):], scales[len(fromScales):]
	}
	return nil
}

// count returns the number of blocks that codes and scales of these lengths make. It panics if they
// make none.
func (b Blocks) count(codes, scales int) int {
	n := codes / (b.Values() / 2)
	if codes%(b.Values()/2) != 0 || scales != n*b.Scales() {
		panic("layout: lengths of codes and scales do not fit")
	}
	return n
}

// cut returns the parts of a block.
func (b Blocks) cut(block []byte) (scales, codes []byte) {
	if blocks[b].codesFirst {
		n := b.Values() / 2
		return block[n:], block[:n]
	}
	n := b.Scales()
	return block[:n], block[n:]
}

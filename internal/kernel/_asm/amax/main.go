// Command amax generates the largest magnitudes of tiles of float32 and BF16
// values.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

func main() {
	ConstraintExpr("!purego")
	for _, l := range []vec.Level{vec.AVX2, vec.AVX512} {
		f32 := kernel{l, "amax", 32, "float32", VPMAXUD, 0x7FFF_FFFF}
		f32.emit()
		bf16 := kernel{l, "amaxBF16", 16, "uint16", VPMAXUW, 0x7FFF_7FFF}
		bf16.emit()
	}
	Generate()
}

// group is the number of bytes that a turn of the loop reads.
const group = 128

// kernel is the maximum of a tile's src[i] without their signs, as unsigned
// integers, as the bits of a float32.
type kernel struct {
	vec.Level
	name      string
	bits      int // of an element
	element   string
	max       func(...Op)
	magnitude uint32 // mask of elements
}

func (k kernel) emit() {
	TEXT(k.name+k.Name, NOSPLIT, fmt.Sprintf("func(dst *float32, src *%s, tiles, turns int)", k.element))
	Pragma("noescape")
	Doc(fmt.Sprintf("%s%s sets dst to what %sGeneric gives for each tile of so many turns,", k.name, k.Name, k.name),
		fmt.Sprintf("groups of %d; one or more of both.", 8*group/k.bits))
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	mask := k.Const("magnitude"+fmt.Sprint(k.bits), k.magnitude)
	m := make([]VecVirtual, group/k.Bytes) // a maximum for each register of a group
	endTurn, endTile := vec.Tiles(func() {
		for i := range m {
			m[i] = k.Zero()
		}
	})
	for i := range m {
		k.max(k.And(mask, Mem{Base: src, Disp: i * k.Bytes}), m[i], m[i])
	}
	endTurn(vec.Advance{Pointer: src, Bytes: group})
	VMOVD(k.fold(m).AsX(), Mem{Base: dst})
	endTile(vec.Advance{Pointer: dst, Bytes: 4})
	VZEROUPPER()
	RET()
}

// fold returns the maximum over all elements, as the lowest float32.
func (k kernel) fold(m []VecVirtual) VecVirtual {
	for _, x := range m[1:] {
		k.max(x, m[0], m[0])
	}
	x, upper := m[0].AsX(), XMM()
	if k.Wide() {
		VEXTRACTI64X4(U8(1), m[0], upper.AsY())
		k.max(upper.AsY(), m[0].AsY(), m[0].AsY())
	}
	VEXTRACTI128(U8(1), m[0].AsY(), upper)
	k.max(upper, x, x)
	VPSHUFD(U8(0b11_10_11_10), x, upper) // the upper two of four
	k.max(upper, x, x)
	VPSHUFD(U8(0b01_01_01_01), x, upper) // the second
	k.max(upper, x, x)
	if k.bits == 16 {
		VPSLLD(U8(16), x, upper) // the first of two over the second, and zeros below
		k.max(upper, x, x)
		VPSRLD(U8(16), x, x)
		VPSLLD(U8(16), x, x)
	}
	return m[0]
}

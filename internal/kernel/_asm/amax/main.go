// Command amax generates the largest magnitude of float32 and BF16 values.
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
		f32 := kernel{l, "amax", 32, "func(src *float32, groups int) uint32", VPMAXUD, 0x7FFF_FFFF}
		f32.emit()
		bf16 := kernel{l, "amaxBF16", 16, "func(src *uint16, groups int) uint16", VPMAXUW, 0x7FFF_7FFF}
		bf16.emit()
	}
	Generate()
}

// group is the number of bytes that a turn of the loop reads.
const group = 128

// kernel is the maximum of src[i] without its sign, as an unsigned integer.
type kernel struct {
	vec.Level
	name      string
	bits      int // of an element
	signature string
	max       func(...Op)
	magnitude uint32 // mask of elements
}

func (k kernel) emit() {
	TEXT(k.name+k.Name, NOSPLIT, k.signature)
	Pragma("noescape")
	Doc(fmt.Sprintf("%s%s agrees with %sGeneric on groups of %d, one or more.", k.name, k.Name, k.name, 8*group/k.bits))
	src := Load(Param("src"), GP64())
	mask := k.Const("magnitude"+fmt.Sprint(k.bits), k.magnitude)
	m := make([]VecVirtual, group/k.Bytes) // a maximum for each register of a group
	for i := range m {
		m[i] = k.Zero()
	}
	end := vec.Groups(vec.Advance{Pointer: src, Bytes: group})
	for i := range m {
		k.max(k.And(mask, Mem{Base: src, Disp: i * k.Bytes}), m[i], m[i])
	}
	end()
	k.returns(k.fold(m))
}

// fold returns the maximum over all elements, in the lowest bits.
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
		VPSRLD(U8(16), x, upper)
		k.max(upper, x, x)
	}
	return m[0]
}

func (k kernel) returns(x VecVirtual) {
	result := GP32()
	VMOVD(x.AsX(), result)
	if k.bits == 16 {
		Store(result.As16(), ReturnIndex(0))
	} else {
		Store(result, ReturnIndex(0))
	}
	VZEROUPPER()
	RET()
}

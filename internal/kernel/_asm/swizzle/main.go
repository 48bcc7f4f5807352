// Command swizzle generates the kernels that bring the scales of blocks into tiles
// of 128 rows by 4 columns, and back.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// A strip is four tiles side by side: 16 bytes, a 128-bit lane, of each row.
const (
	laneBytes = 16
	tileBytes = 512
	stripSize = 4 * tileBytes
	// A tile's word of row r lies beside those of r+32, r+64 and r+96.
	inner = 32
)

func main() {
	ConstraintExpr("!purego")
	for _, l := range []vec.Level{vec.AVX2, vec.AVX512} {
		swizzle(l)
		unswizzle(l)
	}
	Generate()
}

func swizzle(l vec.Level) {
	TEXT("swizzle"+l.Name, NOSPLIT, "func(dst, src *byte, stride, strips int)")
	Pragma("noescape")
	Doc("swizzle" + l.Name + " agrees with swizzleGeneric on 128 rows of strips of 16 bytes, one or more; stride is the length of a row.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	forStrips(l, src, dst, func(rows rows, tile Register) {
		x := transpose(l, rows.load(l))
		for i, x := range x {
			l.Store(x, Mem{Base: tile, Disp: i * tileBytes})
		}
	})
}

func unswizzle(l vec.Level) {
	TEXT("unswizzle"+l.Name, NOSPLIT, "func(dst, src *byte, stride, strips int)")
	Pragma("noescape")
	Doc("unswizzle" + l.Name + " agrees with unswizzleGeneric on 128 rows of strips of 16 bytes, one or more; stride is the length of a row.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	forStrips(l, dst, src, func(rows rows, tile Register) {
		var x [4]VecVirtual
		for i := range x {
			x[i] = l.Load(Mem{Base: tile, Disp: i * tileBytes})
		}
		rows.store(l, transpose(l, x))
	})
}

// forStrips prints body in a loop over the first 32 rows, as many at a time as a
// register has lanes, and for each in a loop over the strips, so that lines of the
// cache are used up. tile is where the words of these rows, and of the rows 32, 64
// and 96 further, lie in the strip's first tile.
func forStrips(l vec.Level, matrix, tiles Register, body func(rows rows, tile Register)) {
	lanes := l.Bytes / laneBytes
	stride, strips := Load(Param("stride"), GP64()), Load(Param("strips"), GP64())
	rs := rows{quarter: GP64(), threeQuarters: GP64()}
	MOVQ(stride, rs.quarter)
	SHLQ(U8(5), rs.quarter) // inner rows
	LEAQ(Mem{Base: rs.quarter, Index: rs.quarter, Scale: 2}, rs.threeQuarters)
	for range lanes {
		rs.start = append(rs.start, GP64())
	}

	tile, left, turns := GP64(), GP64(), GP64()
	MOVQ(U32(inner/lanes), turns)
	Label("rows")
	for _, start := range rs.start {
		MOVQ(matrix, start)
		ADDQ(stride, matrix)
	}
	MOVQ(tiles, tile)
	MOVQ(strips, left)
	Label("strips")
	body(rs, tile)
	for _, start := range rs.start {
		ADDQ(U8(laneBytes), start)
	}
	ADDQ(U32(stripSize), tile)
	DECQ(left)
	JNZ(LabelRef("strips"))
	ADDQ(U8(l.Bytes), tiles)
	DECQ(turns)
	JNZ(LabelRef("rows"))
	VZEROUPPER()
	RET()
}

// rows addresses 16 bytes of some neighbouring rows, and of those 32, 64 and 96
// further.
type rows struct {
	start                  []Register
	quarter, threeQuarters Register
}

func (r rows) at(lane, quarter int) Mem {
	m := Mem{Base: r.start[lane]}
	switch quarter {
	case 1:
		m.Index, m.Scale = r.quarter, 1
	case 2:
		m.Index, m.Scale = r.quarter, 2
	case 3:
		m.Index, m.Scale = r.threeQuarters, 1
	}
	return m
}

// load returns the rows of each quarter, one a lane.
func (r rows) load(l vec.Level) (x [4]VecVirtual) {
	for q := range x {
		x[q] = l.New()
		VMOVDQU(r.at(0, q), x[q].AsX())
		for lane := 1; lane < len(r.start); lane++ {
			if l.Wide() {
				VINSERTI32X4(U8(lane), r.at(lane, q), x[q], x[q])
			} else {
				VINSERTI128(U8(lane), r.at(lane, q), x[q], x[q])
			}
		}
	}
	return x
}

func (r rows) store(l vec.Level, x [4]VecVirtual) {
	for q, x := range x {
		VMOVDQU(x.AsX(), r.at(0, q))
		for lane := 1; lane < len(r.start); lane++ {
			if l.Wide() {
				VEXTRACTI32X4(U8(lane), x, r.at(lane, q))
			} else {
				VEXTRACTI128(U8(lane), x, r.at(lane, q))
			}
		}
	}
}

// transpose returns, in each 128-bit lane, word j of x[i] as word i of y[j].
func transpose(l vec.Level, x [4]VecVirtual) (y [4]VecVirtual) {
	zip := func(f func(...Op), a, b VecVirtual) VecVirtual {
		d := l.New()
		f(b, a, d)
		return d
	}
	low01, high01 := zip(VPUNPCKLDQ, x[0], x[1]), zip(VPUNPCKHDQ, x[0], x[1])
	low23, high23 := zip(VPUNPCKLDQ, x[2], x[3]), zip(VPUNPCKHDQ, x[2], x[3])
	y[0], y[1] = zip(VPUNPCKLQDQ, low01, low23), zip(VPUNPCKHQDQ, low01, low23)
	y[2], y[3] = zip(VPUNPCKLQDQ, high01, high23), zip(VPUNPCKHQDQ, high01, high23)
	return y
}

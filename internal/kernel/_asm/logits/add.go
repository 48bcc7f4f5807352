package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	"github.com/trueup-rl/trueup/internal/kernel/_asm/vec"
)

// add emits the sums of e = e^(scale·d) and of d·e over whole blocks, d = x + offset.
//
// A column is the lanes that one register holds. It is summed over the rows of
// the block, some rows abreast: their instructions alternate, so that there is
// always one whose operands are ready.
func add(l vec.Level, s source) {
	name := "addLogits" + s.name() + l.Name
	TEXT(name, NOSPLIT, "func(sum, weighted *float64, x *"+s.goType()+", offset, scale, steps, floor float32, groups int)")
	Pragma("noescape")
	Doc(name + " agrees with addLogits" + s.name() + "Generic on blocks, one or more.")
	abreast := 2 // as many as there are registers for
	if l.Wide() {
		abreast = 4
	}
	e := newExponential(l)
	offset := l.Param("offset")
	x := Load(Param("x"), GP64())

	Comment("The chunk that follows is fetched meanwhile, in equal parts for each column.")
	ahead := GP64()
	LEAQ(Mem{Base: x, Disp: chunk * s.size()}, ahead)

	var (
		columnLanes = l.Bytes / 4
		columns     = lanes / columnLanes
		rowBytes    = lanes * s.size()
		columnFetch = block * s.size() / columns
	)
	groups := Load(Param("groups"), GP64())
	lane, column := GP64(), GP64()
	sumAt, weightedAt := Load(Param("sum"), GP64()), Load(Param("weighted"), GP64())
	Label("block")
	XORQ(lane, lane)
	MOVQ(U32(columns), column)
	Label("column")
	for at := 0; at < columnFetch; at += 64 {
		PREFETCHT0(Mem{Base: ahead, Disp: at})
	}

	sum, excess, weighted := l.Zero(), l.Zero(), l.Zero()
	for row := 0; row < rows; row += abreast {
		d := make([]VecVirtual, abreast)
		for i := range d {
			d[i] = s.load(l, Mem{Base: x, Disp: (row + i) * rowBytes}, offset)
		}
		p := e.of(d)
		Comment("weighted = d·e + weighted")
		for i := range d {
			VFMADD231PS(p[i], d[i], weighted)
		}
		for i := 0; i < abreast; i += 2 {
			Comment("y = (e + e) - excess, next = sum + y, excess = (next - sum) - y")
			y, next := p[i], d[i]
			VADDPS(p[i+1], p[i], y)
			VSUBPS(excess, y, y)
			VADDPS(y, sum, next)
			VSUBPS(sum, next, excess)
			VSUBPS(y, excess, excess)
			VMOVAPS(next, sum)
		}
	}
	Comment("The lanes, in float64: += sum - excess, += weighted")
	exact, rest := doubles(l, sum), doubles(l, excess)
	for i := range exact {
		VSUBPD(rest[i], exact[i], exact[i])
	}
	addTo(Mem{Base: sumAt, Index: lane, Scale: 8}, exact)
	addTo(Mem{Base: weightedAt, Index: lane, Scale: 8}, doubles(l, weighted))

	ADDQ(U32(columnLanes*s.size()), x)
	ADDQ(U32(columnLanes), lane)
	ADDQ(U32(columnFetch), ahead)
	DECQ(column)
	JNZ(LabelRef("column"))
	ADDQ(U32((rows-1)*rowBytes), x)
	DECQ(groups)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// sumRows returns Σ e and Σ d·e over the rows of half a block's column at m.
func sumRows(l vec.Level, s source, e exponential, offset VecVirtual, m Mem, abreast int) [2]VecVirtual {
	sum, weighted := l.Zero(), l.Zero()
	for row := 0; row < rows; row += abreast {
		d := make([]VecVirtual, abreast)
		for i := range d {
			d[i] = s.load(l, m.Offset((row+i)*lanes*s.size()), offset)
		}
		p := e.of(d)
		Comment("weighted = d·e + weighted, sum += e + e")
		for i := range d {
			VFMADD231PS(p[i], d[i], weighted)
		}
		for i := 0; i < abreast; i += 2 {
			VADDPS(p[i+1], p[i], p[i])
			VADDPS(p[i], sum, sum)
		}
	}
	return [2]VecVirtual{sum, weighted}
}

// doubles returns v's float32 values as float64.
func doubles(l vec.Level, v VecVirtual) []VecVirtual {
	d, upper := []VecVirtual{l.New(), l.New()}, YMM()
	if l.Wide() {
		VEXTRACTF64X4(U8(1), v, upper)
		VCVTPS2PD(v.AsY(), d[0])
		VCVTPS2PD(upper, d[1])
	} else {
		VEXTRACTF128(U8(1), v, upper.AsX())
		VCVTPS2PD(v.AsX(), d[0])
		VCVTPS2PD(upper.AsX(), d[1])
	}
	return d
}

// addTo adds float64 values to those at m.
func addTo(m Mem, x []VecVirtual) {
	for i, v := range x {
		at := m.Offset(i * int(v.Size()))
		VADDPD(at, v, v)
		VMOVUPD(v, at)
	}
}

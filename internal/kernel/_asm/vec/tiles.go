package vec

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Tiles opens a loop over the parameter tiles, each of as many turns as the
// parameter of that name, both at least one. What begin emits comes before the
// turns of a tile. The functions returned close a turn and a tile, having advanced
// the pointers.
func Tiles(begin func()) (endTurn, endTile func(advance ...Advance)) {
	tiles := Load(Param("tiles"), GP64())
	turns := Load(Param("turns"), GP64())
	turn := GP64()
	Label("tile")
	begin()
	MOVQ(turns, turn)
	Label("turn")
	end := func(count Register, label string) func(...Advance) {
		return func(advance ...Advance) {
			for _, a := range advance {
				ADDQ(U32(a.Bytes), a.Pointer)
			}
			DECQ(count)
			JNZ(LabelRef(label))
		}
	}
	return end(turn, "turn"), end(tiles, "tile")
}

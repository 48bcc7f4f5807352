package neon

import "fmt"

// Tiles prints a loop over the parameter tiles, each of as many turns as the
// parameter of that name, both at least one: begin, the turns, and end.
func (p *Printer) Tiles(begin, turn, end func()) {
	tiles, turns, count := p.Param("tiles"), p.Param("turns"), p.R()
	p.Loop(tiles, func() {
		begin()
		p.MoveR(count, turns)
		p.Loop(count, turn)
		end()
	})
}

// StoreWord stores the lowest word of v and moves the pointer past it.
func (p *Printer) StoreWord(to R, v V) {
	r := p.R()
	p.op("VMOV", v.String()+".S[0]", r)
	p.op("MOVW.P", r, fmt.Sprintf("4(%v)", to))
}

package neon

import "fmt"

// Broadcast sets all words of d to one of a.
func (p *Printer) Broadcast(d, a V, lane int) {
	p.op("VDUP", fmt.Sprintf("%v.S[%d]", a, lane), d.in(Words))
}

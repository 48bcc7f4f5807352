package neon

import "fmt"

// Gather sets the words of d to those in memory that the words of index count
// from table on, through the register r.
func (p *Printer) Gather(d, index V, table, r R) {
	for i := range 4 {
		p.op("VMOV", fmt.Sprintf("%v.S[%d]", index, i), r)
		p.op("MOVWU", fmt.Sprintf("(%v)(%v<<2)", table, r), r)
		p.op("VMOV", r, fmt.Sprintf("%v.S[%d]", d, i))
	}
}

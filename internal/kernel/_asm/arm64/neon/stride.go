package neon

import "fmt"

// StoreStride stores v and moves the pointer by stride bytes.
func (p *Printer) StoreStride(to, stride R, v V) {
	p.op("VST1.P", list([]V{v}), fmt.Sprintf("(%v)(%v)", to, stride))
}

// LoadAt loads v from an offset from the pointer.
func (p *Printer) LoadAt(from R, offset int, v V) {
	p.op("FMOVQ", fmt.Sprintf("%d(%v)", offset, from), scalar(v))
}

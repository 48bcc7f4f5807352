package neon

import "fmt"

// LoadHalfAt loads the lower half of v from an offset from the pointer.
func (p *Printer) LoadHalfAt(from R, offset int, v V) {
	p.op("FMOVD", fmt.Sprintf("%d(%v)", offset, from), scalar(v))
}

// Spread sets each word of lo, then of hi, to four times the next byte of the
// lower half of a, and destroys a.
func (p *Printer) Spread(lo, hi, a V) {
	p.ZipLower(a, a, a, Bytes)
	p.ZipLower(lo, a, a, Halves)
	p.ZipUpper(hi, a, a, Halves)
}

// ReturnSum returns the sum of the unsigned bytes of v, and destroys v.
func (p *Printer) ReturnSum(v V) {
	p.op("VUADDLV", v.in(Bytes), v)
	p.ReturnWord(v, "MOVD")
}

// EqualBytes sets d to ones where a = b, else to zeros, by bytes.
func (p *Printer) EqualBytes(d, a, b V) { p.op("VCMEQ", b.in(Bytes), a.in(Bytes), d.in(Bytes)) }

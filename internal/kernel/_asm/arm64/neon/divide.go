package neon

import "fmt"

// DivScalarBy sets d = a / b, a scalar by words, and destroys b and three other
// registers.
func (p *Printer) DivScalarBy(d, a, b, x1, x2, x3 V) {
	lanes := []V{b, x1, x2, x3}
	for i := 1; i < 4; i++ {
		p.op("VDUP", fmt.Sprintf("%v.S[%d]", b, i), lanes[i])
	}
	for _, x := range lanes {
		p.DivScalar(x, a, x)
	}
	p.Collect(d, lanes)
}

package neon

import "fmt"

// Words, halves and bytes, the destination first.

// Move sets d = a.
func (p *Printer) Move(d, a V) { p.bits("VORR", d, a, a) }

// And sets d = a & b.
func (p *Printer) And(d, a, b V) { p.bits("VAND", d, a, b) }

// Or sets d = a | b.
func (p *Printer) Or(d, a, b V) { p.bits("VORR", d, a, b) }

// Xor sets d = a ^ b.
func (p *Printer) Xor(d, a, b V) { p.bits("VEOR", d, a, b) }

// Insert sets the bits of d that are set in mask to those of a.
func (p *Printer) Insert(d, a, mask V) { p.bits("VBIT", d, a, mask) }

// InsertNot sets the bits of d that are not set in mask to those of a.
func (p *Printer) InsertNot(d, a, mask V) { p.bits("VBIF", d, a, mask) }

func (p *Printer) bits(name string, d, a, b V) {
	p.op(name, b.in("B16"), a.in("B16"), d.in("B16"))
}

// Add sets d = a + b, words.
func (p *Printer) Add(d, a, b V) { p.words("VADD", d, a, b) }

// Sub sets d = a - b, words.
func (p *Printer) Sub(d, a, b V) { p.words("VSUB", d, a, b) }

// Max sets d = max(a, b), unsigned words.
func (p *Printer) Max(d, a, b V) { p.words("VUMAX", d, a, b) }

// Min sets d = min(a, b), unsigned words.
func (p *Printer) Min(d, a, b V) { p.words("VUMIN", d, a, b) }

// Equal sets d to ones where a = b, else to zeros, by words.
func (p *Printer) Equal(d, a, b V) { p.words("VCMEQ", d, a, b) }

// AddProduct sets d += a·b, rounded once, float32.
func (p *Printer) AddProduct(d, a, b V) { p.words("VFMLA", d, a, b) }

// Mul sets d = a·b, rounded once, float32; d is neither a nor b. A zero keeps
// its sign, because the sum's other term is minusZero.
func (p *Printer) Mul(d, a, b, minusZero V) {
	p.Move(d, minusZero)
	p.AddProduct(d, a, b)
}

// SubProduct sets d -= a·b, rounded once, float32.
func (p *Printer) SubProduct(d, a, b V) { p.words("VFMLS", d, a, b) }

// AddFloat sets d += a, float32, given ones.
func (p *Printer) AddFloat(d, a, one V) { p.AddProduct(d, a, one) }

// SubFloat sets d -= a, float32, given ones.
func (p *Printer) SubFloat(d, a, one V) { p.SubProduct(d, a, one) }

// AnySet sets d to ones where a & b is not 0, else to zeros.
func (p *Printer) AnySet(d, a, b V, in string) { p.op("VCMTST", b.in(in), a.in(in), d.in(in)) }

func (p *Printer) words(name string, d, a, b V) {
	p.op(name, b.in("S4"), a.in("S4"), d.in("S4"))
}

// MaxHalves sets d = max(a, b), unsigned halves.
func (p *Printer) MaxHalves(d, a, b V) { p.op("VUMAX", b.in("H8"), a.in("H8"), d.in("H8")) }

// SubBytes sets d = a - b, bytes.
func (p *Printer) SubBytes(d, a, b V) { p.op("VSUB", b.in("B16"), a.in("B16"), d.in("B16")) }

// Arrangements of a register for the operations that take one.
const (
	Bytes  = "B16"
	Halves = "H8"
	Words  = "S4"
	Pairs  = "D2"
)

// ShiftL sets d = a << n.
func (p *Printer) ShiftL(d, a V, n int, in string) { p.shift("VSHL", d, a, n, in) }

// ShiftR sets d = a >> n.
func (p *Printer) ShiftR(d, a V, n int, in string) { p.shift("VUSHR", d, a, n, in) }

// AddShiftR sets d += a >> n.
func (p *Printer) AddShiftR(d, a V, n int, in string) { p.shift("VUSRA", d, a, n, in) }

// InsertR sets d to a >> n below its n upper bits.
func (p *Printer) InsertR(d, a V, n int, in string) { p.shift("VSRI", d, a, n, in) }

func (p *Printer) shift(name string, d, a V, n int, in string) {
	p.op(name, fmt.Sprintf("$%d", n), a.in(in), d.in(in))
}

// Even sets d to the even elements of a, then those of b.
func (p *Printer) Even(d, a, b V, in string) { p.op("VUZP1", b.in(in), a.in(in), d.in(in)) }

// Odd sets d to the odd elements of a, then those of b.
func (p *Printer) Odd(d, a, b V, in string) { p.op("VUZP2", b.in(in), a.in(in), d.in(in)) }

// ZipLower sets d to the lower half of a's elements, each followed by that of b.
func (p *Printer) ZipLower(d, a, b V, in string) { p.op("VZIP1", b.in(in), a.in(in), d.in(in)) }

// ZipUpper sets d to the upper half of a's elements, each followed by that of b.
func (p *Printer) ZipUpper(d, a, b V, in string) { p.op("VZIP2", b.in(in), a.in(in), d.in(in)) }

// Rotate sets d to the bytes of a from the nth on, then those before.
func (p *Printer) Rotate(d, a V, n int) {
	p.op("VEXT", fmt.Sprintf("$%d", n), a.in("B16"), a.in("B16"), d.in("B16"))
}

// Lookup sets the bytes of d to those of the table that the bytes of index name,
// to 0 beyond its end.
func (p *Printer) Lookup(d, index V, table ...V) {
	p.op("VTBL", index.in("B16"), list(table), d.in("B16"))
}

// LookupMore is Lookup that leaves d as it is beyond the table's end.
func (p *Printer) LookupMore(d, index V, table ...V) {
	p.op("VTBX", index.in("B16"), list(table), d.in("B16"))
}

// Narrow sets x[0] to one byte of each word in four registers, the lowest by
// Even or the highest by Odd, and destroys x[1].
func (p *Printer) Narrow(x []V, half func(d, a, b V, in string)) {
	half(x[0], x[0], x[1], Halves)
	half(x[1], x[2], x[3], Halves)
	half(x[0], x[0], x[1], Bytes)
}

func scalar(v V) string { return fmt.Sprintf("F%d", int(v)) }

// LoadScalars loads two float32 as scalars and moves the pointer past them.
func (p *Printer) LoadScalars(from R, a, b V) {
	p.op("FLDPS.P", fmt.Sprintf("8(%v)", from), fmt.Sprintf("(%s, %s)", scalar(a), scalar(b)))
}

// LoadScalar loads a float32 as a scalar and moves the pointer past it.
func (p *Printer) LoadScalar(from R, d V) { p.op("FMOVS.P", fmt.Sprintf("4(%v)", from), scalar(d)) }

// DivScalar sets d = a / b, scalars.
func (p *Printer) DivScalar(d, a, b V) { p.op("FDIVS", scalar(b), scalar(a), scalar(d)) }

// LoadDiv sets d to the next four float32 divided by the scalar b, and destroys
// four other registers.
func (p *Printer) LoadDiv(d V, from R, b V, x []V) {
	p.LoadScalars(from, x[0], x[1])
	p.LoadScalars(from, x[2], x[3])
	for _, x := range x {
		p.DivScalar(x, x, b)
	}
	p.Collect(d, x)
}

// Div sets d = a / b, words by a scalar, and destroys a and three other registers.
func (p *Printer) Div(d, a, b, x1, x2, x3 V) {
	lanes := []V{a, x1, x2, x3}
	for i := 1; i < 4; i++ {
		p.op("VDUP", fmt.Sprintf("%v.S[%d]", a, i), lanes[i])
	}
	for _, x := range lanes {
		p.DivScalar(x, x, b)
	}
	p.Collect(d, lanes)
}

// Collect sets the words of d to four scalars, and destroys the third.
func (p *Printer) Collect(d V, x []V) {
	p.ZipLower(d, x[0], x[1], Words)
	p.ZipLower(x[2], x[2], x[3], Words)
	p.ZipLower(d, d, x[2], Pairs)
}

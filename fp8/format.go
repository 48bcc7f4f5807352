package fp8

// Format is the element format of a [Tensor].
type Format uint8

const (
	FormatE4M3 Format = iota // codes of type E4M3
	FormatE5M2               // codes of type E5M2
)

// Max returns the largest finite value of the format: 448 or 57344. It panics if f is unknown.
func (f Format) Max() float32 { return [...]float32{FormatE4M3: MaxE4M3, FormatE5M2: MaxE5M2}[f] }

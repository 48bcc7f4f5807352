package fp8

// Format is the element format of a [Tensor].
type Format uint8

const (
	FormatE4M3 Format = iota // codes of type E4M3
	FormatE5M2               // codes of type E5M2
)

var formatNames = [...]string{FormatE4M3: "e4m3", FormatE5M2: "e5m2"}

// Max returns the largest finite value of the format: 448 or 57344. It panics if f is unknown.
func (f Format) Max() float32 { return [...]float32{FormatE4M3: MaxE4M3, FormatE5M2: MaxE5M2}[f] }

// ParseFormat returns the format that s names, as String prints it: "e4m3" or "e5m2".
func ParseFormat(s string) (Format, error) { return parseName[Format]("format", formatNames[:], s) }

// String returns the name of f, which ParseFormat reads back, or "Format(n)" if f has none.
func (f Format) String() string { return nameString("Format", formatNames[:], f) }

// MarshalText returns the name of f, or an error if f has none.
func (f Format) MarshalText() ([]byte, error) { return marshalName("format", formatNames[:], f) }

// UnmarshalText sets *f to the format that text names, as ParseFormat does.
func (f *Format) UnmarshalText(text []byte) error {
	return unmarshalName("format", formatNames[:], text, f)
}

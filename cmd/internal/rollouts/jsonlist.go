package rollouts

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// Python writes NaN, Infinity and -Infinity, which JSON does not have. Before
// a line is parsed, each is overwritten by a string of the same length whose
// first byte, which UTF-8 text cannot contain, says which it was.
const (
	markNaN    = 0xFF
	markInf    = 0xFE
	markNegInf = 0xFD
)

// quoteNonFinite replaces the non-finite numbers of a line, in place and
// outside strings. Where a match is not a whole token the line was not valid
// JSON, and is not afterwards.
func quoteNonFinite(line []byte) {
	if !bytes.Contains(line, []byte("NaN")) && !bytes.Contains(line, []byte("Infinity")) {
		return
	}
	for i := 0; i < len(line); i++ {
		switch rest := line[i:]; {
		case line[i] == '"':
			i += skipString(rest) - 1
		case bytes.HasPrefix(rest, []byte("NaN")):
			i += quote(rest, len("NaN"), markNaN)
		case bytes.HasPrefix(rest, []byte("Infinity")):
			i += quote(rest, len("Infinity"), markInf)
		case bytes.HasPrefix(rest, []byte("-Infinity")):
			i += quote(rest, len("-Infinity"), markNegInf)
		}
	}
}

// quote makes the first n bytes of b a string and returns n-1.
func quote(b []byte, n int, mark byte) int {
	b[0], b[1], b[n-1] = '"', mark, '"'
	return n - 1
}

// skipString returns the length of the string that b starts with, quotes
// included, or of all of b if the string does not end.
func skipString(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// elements calls f for each element of a list that is valid JSON.
func elements(raw []byte, f func(i int, elem []byte) error) error {
	if raw[0] != '[' {
		return fmt.Errorf("found %s, want a list", kindOf(raw))
	}
	rest := trimSpace(raw[1:])
	for i := 0; rest[0] != ']'; i++ {
		n := 1
		switch rest[0] {
		case '"':
			n = skipString(rest)
		case '[', '{':
			return fmt.Errorf("element %d: found %s", i, kindOf(rest))
		default:
			n = bytes.IndexAny(rest, ",] \t\r\n")
		}
		if err := f(i, rest[:n]); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		if rest = trimSpace(rest[n:]); rest[0] == ',' {
			rest = trimSpace(rest[1:])
		}
	}
	return nil
}

// appendFloats appends the numbers of a list, rounded to nearest; null is NaN.
func appendFloats(dst []float32, raw []byte) ([]float32, error) {
	err := elements(raw, func(_ int, elem []byte) error {
		x, err := parseFloat(elem)
		dst = append(dst, x)
		return err
	})
	return dst, err
}

func parseFloat(elem []byte) (float32, error) {
	switch {
	case elem[0] == 'n':
		return float32(math.NaN()), nil
	case elem[0] == '"' && elem[1] == markNaN:
		return float32(math.NaN()), nil
	case elem[0] == '"' && elem[1] == markInf:
		return float32(math.Inf(1)), nil
	case elem[0] == '"' && elem[1] == markNegInf:
		return float32(math.Inf(-1)), nil
	case kindOf(elem) != "a number":
		return 0, fmt.Errorf("found %s, want a number", kindOf(elem))
	}
	// A range error comes with ±Inf, as converting from float64 would give.
	x, _ := strconv.ParseFloat(string(elem), 32)
	return float32(x), nil
}

// appendMask appends the elements of a list of true, false, 0 and 1.
func appendMask(dst []uint8, raw []byte) ([]uint8, error) {
	err := elements(raw, func(_ int, elem []byte) error {
		switch string(elem) {
		case "0", "false":
			dst = append(dst, 0)
		case "1", "true":
			dst = append(dst, 1)
		default:
			found := string(elem)
			if elem[0] == '"' {
				found = kindOf(elem)
			}
			return fmt.Errorf("found %s, want true, false, 0 or 1", found)
		}
		return nil
	})
	return dst, err
}

// kindOf names the type of a JSON value by how it starts.
func kindOf(raw []byte) string {
	switch c := raw[0]; {
	case c == '{':
		return "an object"
	case c == '[':
		return "a list"
	case c == '"' && len(raw) > 1 && raw[1] >= markNegInf:
		return "a number"
	case c == '"':
		return "a string"
	case c == 't', c == 'f':
		return "a boolean"
	case c == 'n':
		return "null"
	case c == '-', '0' <= c && c <= '9':
		return "a number"
	}
	return fmt.Sprintf("%q", raw[0])
}

// trimSpace removes the white space of JSON at both ends.
func trimSpace(b []byte) []byte { return bytes.Trim(b, " \t\r\n") }

// Package identify finds out which recipe made a quantized matrix, given the matrix that it was made
// from: for each recipe of the format, the share of bytes that it reproduces, and the first one that
// it does not.
//
//	matches, err := identify.NVFP4(
//		&identify.Source{Rows: rows, Cols: cols, BF16: w},
//		&identify.NVFP4Bytes{Codes: codes, Scales: scales, TensorScale: []float32{g}})
//	fmt.Println(matches[0])
//
// Recipes that agree on all of an input cannot be told apart by it, and come out side by side: more
// data, above all BF16 data with its many ties, tells more.
//
// It quantizes a front part of the matrix by every recipe, and the rest by those alone that agree
// there. It is a tool for diagnosis: it allocates, and takes about as long as quantizing that front
// part, of some 16,384 values, a hundred times.
package identify

import (
	"fmt"
	"slices"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/fp8"
)

// Source is the row-major matrix that was quantized: one of F32 and BF16 has Rows × Cols values. Which
// one matters, as some recipes compute in the type of their input.
type Source struct {
	Rows, Cols int
	F32        []float32
	BF16       []bf16.BF16
}

func (s *Source) check() error {
	if (s.F32 == nil) == (s.BF16 == nil) {
		return fmt.Errorf("identify: the source has to be in one of float32 and BF16")
	}
	n := len(s.F32) + len(s.BF16)
	if s.Rows <= 0 || s.Cols <= 0 || n/s.Cols != s.Rows || n%s.Cols != 0 {
		return fmt.Errorf("identify: the source has %d values for %d × %d", n, s.Rows, s.Cols)
	}
	return nil
}

// amax returns the largest magnitude of the source.
func (s *Source) amax() float32 {
	if s.BF16 != nil {
		return fp8.AMaxBF16(s.BF16)
	}
	return fp8.AMax(s.F32)
}

// rows returns a part of the source.
func (s *Source) rows(first, n int) Source {
	part := Source{Rows: n, Cols: s.Cols}
	if s.F32 != nil {
		part.F32 = s.F32[first*s.Cols:][:n*s.Cols]
	} else {
		part.BF16 = s.BF16[first*s.Cols:][:n*s.Cols]
	}
	return part
}

// Match says how well a recipe explains the bytes.
type Match struct {
	// Recipe is the text name of the recipe, and Tile, for FP8, that of what has a scale.
	Recipe, Tile string
	// ScaleLayout is how scales lie, where more than one way was tried and this agrees best: the text
	// name of a [layout.Order] or, of float32 scales, "inverse" for their reciprocals. CodeLayout is
	// "pairs" or "halves": see [layout.PairsToHalves]. Both are empty where there was one way.
	ScaleLayout, CodeLayout string
	// AMax is the amax that was quantized with, where the recipe takes one, and AMaxFrom says where it
	// is from.
	AMax     float32
	AMaxFrom Origin
	// TensorScale is what the recipe stores for AMax, where it does, and TensorScaleEqual reports
	// whether that was given.
	TensorScale      float32
	TensorScaleEqual bool
	// Scales and Codes are the shares that agree: of all, if First is nil, or else of a front part.
	Scales, Codes Share
	// First is the first scale or code that differs, nil if none does.
	First *Difference
}

// Origin is where an amax is from.
type Origin string

// Where an amax may be from: the source, or the tensor scale in the recipe's own convention or in one
// that another implementation stores it in. The latter two tell of a fused group, whose amax is larger
// than the source's own, or of a file that was converted.
const (
	NoAMax         Origin = ""
	FromSource     Origin = "source"
	FromScale      Origin = "tensor scale"
	FromMultiplier Origin = "tensor scale as a multiplier"
	FromDivisor    Origin = "tensor scale as a divisor"
	FromAMax       Origin = "tensor scale as an amax"
)

// Share is how many of how many agree.
type Share struct{ Equal, Of int }

func (s *Share) add(equal bool) {
	s.Of++
	if equal {
		s.Equal++
	}
}

// Difference is a scale or code that differs. Got is given, Want is what the recipe makes. Row and Col
// are those of a code's value, or of the first value that has the scale.
type Difference struct {
	Scale     bool
	Row, Col  int
	Got, Want uint32 // bits
}

func (d *Difference) String() string {
	what := "code"
	if d.Scale {
		what = "scale"
	}
	return fmt.Sprintf("row %d column %d: %s %#x, not %#x", d.Row, d.Col, what, d.Got, d.Want)
}

// before reports whether d comes first: row by row, and a scale before the code of its first value.
func (d *Difference) before(o *Difference) bool {
	if o == nil || d == nil {
		return d != nil
	}
	if d.Row != o.Row {
		return d.Row < o.Row
	}
	return d.Col < o.Col || d.Col == o.Col && d.Scale
}

// Exact reports whether the recipe makes all scales and codes. The tensor scale is left out, since
// files state it in other conventions than recipes do.
func (m *Match) Exact() bool { return m.First == nil }

// String returns a line that says all but the amax.
func (m *Match) String() string {
	s := m.Recipe
	for _, l := range []string{m.Tile, m.ScaleLayout, m.CodeLayout} {
		if l != "" {
			s += ", " + l
		}
	}
	if m.Exact() {
		return fmt.Sprintf("%s: all of %d scales and %d codes", s, m.Scales.Of, m.Codes.Of)
	}
	return fmt.Sprintf("%s: %d of %d scales, %d of %d codes; %v", s, m.Scales.Equal, m.Scales.Of, m.Codes.Equal, m.Codes.Of, m.First)
}

// share returns the part of scales and codes that agree, the two counting the same.
func (m *Match) share() float64 {
	return float64(m.Scales.Equal)/float64(max(m.Scales.Of, 1)) + float64(m.Codes.Equal)/float64(max(m.Codes.Of, 1))
}

// better reports whether m explains more than o.
func (m *Match) better(o *Match) bool {
	if m.Exact() != o.Exact() {
		return m.Exact()
	}
	if m.Codes.Of != o.Codes.Of { // one agreed for longer
		return m.Codes.Of > o.Codes.Of
	}
	if m.share() != o.share() {
		return m.share() > o.share()
	}
	return m.TensorScaleEqual && !o.TensorScaleEqual
}

// best puts better matches first, and keeps the order of equal ones.
func best(matches []Match) []Match {
	slices.SortStableFunc(matches, func(a, b Match) int {
		switch {
		case a.better(&b):
			return -1
		case b.better(&a):
			return 1
		}
		return 0
	})
	return matches
}

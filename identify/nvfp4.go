package identify

import (
	"fmt"
	"slices"

	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/layout"
	"github.com/trueup-rl/trueup/nvfp4"
)

// NVFP4Bytes is an NVFP4 matrix as it was found.
type NVFP4Bytes struct {
	// Codes has two codes a byte, in rows of cols/2 bytes, rounded up, or of whole blocks.
	Codes []byte
	// Scales has one scale for each 16 columns of a row, in any [layout.Order].
	Scales []fp8.E4M3
	// TensorScale is empty if it is not known, else one number, or one for each row, in whatever
	// convention.
	TensorScale []float32
}

// NVFP4 returns how well each recipe of package nvfp4 explains q as made from s, the best first. Scales
// are tried in each order that their length fits, and codes in pairs and in ggml's halves; blocks of
// ggml have to be taken apart before, by [layout.Split].
//
// The amax is the source's or, where the tensor scale tells of another, that one. Of codes that were
// made along columns, or after a Hadamard transform, the source is the transposed or the transformed
// matrix. Bytes of stochastic rounding come out as near to its scale rule's recipe, not as exact.
//
// It returns an error if lengths do not fit.
func NVFP4(s *Source, q *NVFP4Bytes) ([]Match, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	g, err := q.given(s)
	if err != nil {
		return nil, err
	}
	amax := s.amax()
	var matches []Match
	for _, r := range nvfp4.Recipes() {
		c := candidate{Match: Match{Recipe: r.String()}}
		if r.PerRow() {
			equal := len(q.TensorScale) == s.Rows
			c.quantize = func(first, n int) tensor {
				t := quantizeNVFP4(s.rows(first, n), r, 0)
				equal = equal && slices.EqualFunc(t.TensorScales, q.TensorScale[first:first+n], sameFloat)
				return tensorNVFP4(t)
			}
			m := c.match(g)
			m.TensorScaleEqual = equal
			matches = append(matches, m)
			continue
		}
		a := amaxes{source: amax, given: q.TensorScale, full: 2688, stored: func(amax float32) float32 {
			return quantizeNVFP4(s.rows(0, 0), r, amax).TensorScale
		}}
		matches = append(matches, a.best(c, g, func(amax float32) func(first, n int) tensor {
			return func(first, n int) tensor { return tensorNVFP4(quantizeNVFP4(s.rows(first, n), r, amax)) }
		}))
	}
	return best(matches), nil
}

func tensorNVFP4(t *nvfp4.Tensor) tensor {
	return tensor{rows: t.Rows, cols: t.Cols, height: 1, width: nvfp4.BlockSize,
		codes: unpack(t.Codes, t.Rows, t.Cols), scales: bitsE4M3(t.Scales)}
}

func quantizeNVFP4(s Source, r nvfp4.Recipe, amax float32) *nvfp4.Tensor {
	t := nvfp4.New(s.Rows, s.Cols, r)
	if s.BF16 != nil {
		nvfp4.QuantizeBF16(t, s.BF16, amax)
	} else {
		nvfp4.Quantize(t, s.F32, amax)
	}
	return t
}

// given returns the readings of q.
func (q *NVFP4Bytes) given(s *Source) (*given, error) {
	if n := len(q.TensorScale); n > 1 && n != s.Rows {
		return nil, fmt.Errorf("identify: %d tensor scales for %d rows", n, s.Rows)
	}
	g := &given{rows: s.Rows, cols: s.Cols}
	base := tensor{rows: s.Rows, cols: s.Cols, height: 1, width: nvfp4.BlockSize}
	scales, err := readScales(base, q.Scales, bitsE4M3)
	if err != nil {
		return nil, err
	}
	g.scales = scales
	g.codes, err = readPacked(base, q.Codes)
	return g, err
}

// readScales returns the readings of scales of one row each, in the orders that fit.
func readScales[T ~uint8](base tensor, scales []T, bits func([]T) []uint32) (all []reading, err error) {
	linear := make([]T, base.rows*base.across())
	for _, o := range []layout.Order{layout.Linear, layout.Tiles128x4, layout.Tiles8x4} {
		if o.Size(base.rows, base.across()) != len(scales) {
			continue
		}
		if err := layout.Unswizzle(linear, scales, base.rows, base.across(), o); err != nil {
			return nil, err
		}
		t := base
		t.scales = bits(linear)
		all = append(all, reading{o.String(), t})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("identify: %d scales for %d × %d blocks fit no order", len(scales), base.rows, base.across())
	}
	return all, nil
}

// readPacked returns the readings of codes of four bits.
func readPacked(base tensor, packed []byte) ([]reading, error) {
	rowBytes := len(packed) / base.rows
	padded := base.across() * base.width / 2
	if len(packed)%base.rows != 0 || rowBytes != (base.cols+1)/2 && rowBytes != padded {
		return nil, fmt.Errorf("identify: %d bytes of codes for %d × %d values", len(packed), base.rows, base.cols)
	}
	pairs := base
	pairs.codes = unpack(packed, base.rows, base.cols)
	if rowBytes != padded {
		return []reading{{"pairs", pairs}}, nil
	}
	reordered := make([]byte, len(packed))
	layout.HalvesToPairs(reordered, packed, base.width)
	halves := base
	halves.codes = unpack(reordered, base.rows, base.cols)
	return []reading{{"pairs", pairs}, {"halves", halves}}, nil
}

// unpack returns 4-bit codes in pairs as one code a byte, without what fills up rows.
func unpack(packed []byte, rows, cols int) []uint8 {
	codes := make([]uint8, 0, rows*cols)
	for r := range rows {
		row := packed[len(packed)/rows*r:]
		for c := range cols {
			codes = append(codes, row[c/2]>>(4*(c%2))&15)
		}
	}
	return codes
}

func bitsE4M3(scales []fp8.E4M3) []uint32 {
	bits := make([]uint32, len(scales))
	for i, s := range scales {
		bits[i] = uint32(s.Bits())
		if s.IsNaN() {
			bits[i] = 0x7F
		}
	}
	return bits
}

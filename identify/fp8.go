package identify

import (
	"fmt"
	"math"

	"github.com/trueup-rl/trueup/fp8"
)

// FP8Bytes is a matrix of scaled FP8 codes as it was found.
type FP8Bytes struct {
	Format fp8.Format
	Codes  []uint8
	// Scales has one number for each tile of the matrix, row by row; of what size a tile is follows from
	// how many there are. Scales stored in BF16 or E8M0 are given as float32.
	Scales []float32
}

// FP8 returns how well each recipe of package fp8 explains q as made from s, the best first, for each
// kind of tile that the number of scales fits. Scales are tried as they are and as their reciprocals,
// since implementations differ in which they store.
//
// The amax of a matrix with one scale is the source's or, where the scale tells of another, that one.
// It returns an error if lengths do not fit.
func FP8(s *Source, q *FP8Bytes) ([]Match, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if len(q.Codes) != s.Rows*s.Cols {
		return nil, fmt.Errorf("identify: %d codes for %d × %d values", len(q.Codes), s.Rows, s.Cols)
	}
	if err := fp8.Default.Check(fp8.PerTensor, q.Format); err != nil {
		return nil, fmt.Errorf("identify: %w", err)
	}
	amax := s.amax()
	var matches []Match
	for _, tile := range fp8.Tiles() {
		down, across := tile.Scales(s.Rows, s.Cols)
		if down*across != len(q.Scales) {
			continue
		}
		base := tensor{rows: s.Rows, cols: s.Cols}
		base.height, base.width = tile.Size(s.Rows, s.Cols)
		g := q.given(base)
		for _, r := range fp8.Recipes() {
			if r.Check(tile, q.Format) != nil {
				continue
			}
			c := candidate{Match: Match{Recipe: r.String(), Tile: tile.String()}}
			quantize := func(amax float32) func(first, n int) tensor {
				return func(first, n int) tensor {
					t := quantizeFP8(s.rows(first, n), r, tile, q.Format, amax)
					want := base
					want.rows, want.codes, want.scales = n, canonical(t.Codes, q.Format), bitsF32(t.Scales)
					if tile == fp8.PerTensor && first > 0 {
						want.scales = nil // compared before
					}
					return want
				}
			}
			if tile != fp8.PerTensor {
				c.quantize = quantize(0)
				matches = append(matches, c.match(g))
				continue
			}
			a := amaxes{source: amax, given: q.Scales, full: q.Format.Max(), stored: func(amax float32) float32 {
				return quantizeFP8(s.rows(0, 0), r, tile, q.Format, amax).Scales[0]
			}}
			matches = append(matches, a.best(c, g, quantize))
		}
	}
	if matches == nil {
		return nil, fmt.Errorf("identify: %d scales for %d × %d values fit no tile of a recipe", len(q.Scales), s.Rows, s.Cols)
	}
	return best(matches), nil
}

func quantizeFP8(s Source, r fp8.Recipe, tile fp8.Tile, f fp8.Format, amax float32) *fp8.Tensor {
	t := fp8.New(s.Rows, s.Cols, r, tile, f)
	if s.BF16 != nil {
		fp8.QuantizeBF16(t, s.BF16, amax)
	} else {
		fp8.Quantize(t, s.F32, amax)
	}
	return t
}

// given returns the readings of q.
func (q *FP8Bytes) given(base tensor) *given {
	stored, inverse, codes := base, base, base
	stored.scales = bitsF32(q.Scales)
	reciprocals := make([]float32, len(q.Scales))
	for i, s := range q.Scales {
		reciprocals[i] = 1 / s
	}
	inverse.scales = bitsF32(reciprocals)
	codes.codes = canonical(q.Codes, q.Format)
	return &given{
		rows: base.rows, cols: base.cols,
		scales: []reading{{"", stored}, {"inverse", inverse}},
		codes:  []reading{{"", codes}},
	}
}

// canonical returns the codes with all NaNs the same.
func canonical(codes []uint8, f fp8.Format) []uint8 {
	largest := uint8(0x7E)
	if f == fp8.FormatE5M2 {
		largest = 0x7C // infinity
	}
	same := make([]uint8, len(codes))
	for i, c := range codes {
		if same[i] = c; c&0x7F > largest {
			same[i] = 0x7F
		}
	}
	return same
}

func bitsF32(scales []float32) []uint32 {
	bits := make([]uint32, len(scales))
	for i, s := range scales {
		bits[i] = math.Float32bits(s)
		if s != s {
			bits[i] = 0x7FC0_0000
		}
	}
	return bits
}

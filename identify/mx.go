package identify

import (
	"fmt"

	"github.com/trueup-rl/trueup/fp8"
	"github.com/trueup-rl/trueup/mx"
)

// MXBytes is an MX matrix as it was found.
type MXBytes struct {
	Format mx.Format
	// Codes has a code a byte, or two of E2M1 as [NVFP4Bytes] has.
	Codes []byte
	// Scales has one scale for each 32 columns of a row, in any [layout.Order].
	Scales []fp8.E8M0
}

// MX returns how well each recipe of package mx explains q as made from s, the best first. Scales are
// tried in each order that their length fits, and codes of four bits in pairs and in ggml's halves;
// blocks of ggml and FBGEMM have to be taken apart before, by [layout.Split]. It returns an error if
// lengths do not fit.
func MX(s *Source, q *MXBytes) ([]Match, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := mx.Default.Check(q.Format); err != nil {
		return nil, fmt.Errorf("identify: %w", err)
	}
	g, err := q.given(s)
	if err != nil {
		return nil, err
	}
	var matches []Match
	for _, r := range mx.Recipes() {
		if r.Check(q.Format) != nil {
			continue
		}
		c := candidate{Match: Match{Recipe: r.String()}, quantize: func(first, n int) tensor {
			t := quantizeMX(s.rows(first, n), r, q.Format)
			return tensor{rows: n, cols: s.Cols, height: 1, width: mx.BlockSize,
				codes: codesMX(t.Codes, n, s.Cols, q.Format), scales: bitsE8M0(t.Scales)}
		}}
		matches = append(matches, c.match(g))
	}
	return best(matches), nil
}

func quantizeMX(s Source, r mx.Recipe, f mx.Format) *mx.Tensor {
	t := mx.New(s.Rows, s.Cols, r, f)
	if s.BF16 != nil {
		mx.QuantizeBF16(t, s.BF16)
	} else {
		mx.Quantize(t, s.F32)
	}
	return t
}

// given returns the readings of q.
func (q *MXBytes) given(s *Source) (g *given, err error) {
	g = &given{rows: s.Rows, cols: s.Cols}
	base := tensor{rows: s.Rows, cols: s.Cols, height: 1, width: mx.BlockSize}
	if g.scales, err = readScales(base, q.Scales, bitsE8M0); err != nil {
		return nil, err
	}
	if q.Format == mx.E2M1 {
		g.codes, err = readPacked(base, q.Codes)
		return g, err
	}
	if n := len(q.Codes); n != s.Rows*s.Cols && n != s.Rows*q.Format.RowBytes(s.Cols) {
		return nil, fmt.Errorf("identify: %d codes for %d × %d values", n, s.Rows, s.Cols)
	}
	base.codes = codesMX(q.Codes, s.Rows, s.Cols, q.Format)
	g.codes = []reading{{"", base}}
	return g, nil
}

// codesMX returns the codes one a byte, without what fills up rows, and all NaNs the same.
func codesMX(codes []byte, rows, cols int, f mx.Format) []uint8 {
	if f == mx.E2M1 {
		return unpack(codes, rows, cols)
	}
	dense := make([]uint8, 0, rows*cols)
	for r := range rows {
		dense = append(dense, codes[len(codes)/rows*r:][:cols]...)
	}
	switch f {
	case mx.E4M3:
		return canonical(dense, fp8.FormatE4M3)
	case mx.E5M2:
		return canonical(dense, fp8.FormatE5M2)
	}
	return dense
}

func bitsE8M0(scales []fp8.E8M0) []uint32 {
	bits := make([]uint32, len(scales))
	for i, s := range scales {
		bits[i] = uint32(s.Bits())
	}
	return bits
}

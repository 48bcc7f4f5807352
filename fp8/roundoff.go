package fp8

import "github.com/trueup-rl/trueup/roundoff"

// elementOf maps formats to those of package roundoff.
var elementOf = [...]roundoff.Element{FormatE4M3: roundoff.E4M3, FormatE5M2: roundoff.E5M2}

// QuantizeStats is [Quantize], of values of any type, that adds what is lost to stats in the same pass
// through x. dst gets the same bytes.
func QuantizeStats[T roundoff.Value](dst *Tensor, x []T, amax float32, stats *roundoff.Stats) {
	dst.check(len(x))
	if dst.Rows == 0 {
		quantize(dst, x, amax)
		return
	}
	step := max(tileSizes[dst.Tile].height, 1)
	for row := 0; row < dst.Rows; row += step {
		part := dst.rows(row, min(step, dst.Rows-row))
		values := x[row*dst.Cols:][:part.Rows*dst.Cols]
		quantize(&part, values, amax)
		Measure(stats, &part, values)
	}
}

// Measure adds to stats what t has lost of x, the matrix that it was quantized from, whoever did so.
// Its atoms are the parts of a row that share a scale, 1024 values of them at most. It panics if
// [Recipe.Check] has an error, and unless x and t's slices have the lengths that t.Rows, t.Cols and
// t.Tile ask for.
func Measure[T roundoff.Value](stats *roundoff.Stats, t *Tensor, x []T) {
	g := t.check(len(x))
	var values, decoded [bandValues]float32
	for r := range t.Rows {
		scales := t.Scales[r/max(g.height, 1)*g.across:]
		for start := 0; start < t.Cols; {
			tile := start / g.width
			end := min(start+bandValues, (tile+1)*g.width, t.Cols)
			n, at := end-start, r*t.Cols+start
			scale := scales[tile : tile+1]
			decode(decoded[:n], t.Codes[at:at+n], t.Recipe, t.Format, scale)
			unit := scale[0]
			if recipes[t.Recipe].divides {
				unit = 1 / unit
			}
			roundoff.Widen(values[:n], x[at:at+n])
			stats.Add(values[:n], decoded[:n], unit, elementOf[t.Format])
			start = end
		}
	}
}

// rows returns n rows of t from the given one on, whole tiles of them, in t's memory.
func (t *Tensor) rows(first, n int) Tensor {
	part := *t
	part.Rows = n
	part.Codes = t.Codes[first*t.Cols:][:n*t.Cols]
	if t.Tile != PerTensor {
		g := newGrid(t.Tile, n, t.Cols)
		part.Scales = t.Scales[first/tileSizes[t.Tile].height*g.across:][:g.down*g.across]
	}
	return part
}

package kernel

import "math"

// Range is a filter on a statistic v of single tokens, which is x or, if Square
// is set, x²/2. It keeps those with Lo ≤ v ≤ Hi.
type Range struct {
	Lo, Hi float32
	Square bool
}

// FilterSums are a row's sums of a filter's statistic v over valid tokens, and
// of v clamped to the bounds. The zero value is empty.
type FilterSums struct {
	N          int
	Sum, SumSq float64
	Clamped    float64
	ClampedSq  float64
	Min, Max   float64 // of v
	High, Low  int     // v > Hi, v < Lo
}

// Add adds the block; x is its D or its K3. It sets keep, unless that is nil, to
// 0 at tokens that the filter rejects.
func (s *FilterSums) Add(keep []uint8, x *[BlockLen]float32, b *Block, r *Range) {
	if b.Count == 0 {
		return
	}
	l := freshFilterLanes
	groups := groupsOf(b.N)
	done := l.addFast(x, b, r, groups)
	l.addGeneric(x, b, r, done, groups*BlockLanes)

	var sums [numFilterSums]float64
	foldLanes(sums[:], l.sums[:])
	least, most := foldExtremes(&l.least, &l.most)
	if s.N == 0 {
		s.Min, s.Max = float64(least), float64(most)
	}
	s.Min, s.Max = min(s.Min, float64(least)), max(s.Max, float64(most))
	s.N += b.Count
	s.Sum += sums[filterSum]
	s.SumSq += sums[filterSumSq]
	s.Clamped += sums[filterClamped]
	s.ClampedSq += sums[filterClampedSq]
	high, low := 0, 0
	for i := range BlockLanes {
		high += int(l.high[i])
		low += int(l.low[i])
	}
	s.High += high
	s.Low += low
	if keep != nil && high+low > 0 {
		r.reject(keep, x)
	}
}

// reject sets keep to 0 where x lies out of bounds.
func (r *Range) reject(keep []uint8, x *[BlockLen]float32) {
	for t := range keep {
		if v := r.of(x[t]); v > r.Hi || v < r.Lo {
			keep[t] = 0
		}
	}
}

// of returns the statistic.
func (r *Range) of(x float32) float32 {
	if r.Square {
		return float32(float32(x*x) * 0.5)
	}
	return x
}

// filterLanes are the sums over a block in the order that assembly knows.
type filterLanes struct {
	sums        [numFilterSums]laneSums
	least, most laneSums
	high, low   [BlockLanes]uint32
}

// Sums by their place in filterLanes.
const (
	filterSum = iota
	filterSumSq
	filterClamped
	filterClampedSq
	numFilterSums
)

var freshFilterLanes = func() (l filterLanes) {
	for i := range BlockLanes {
		l.least[i], l.most[i] = float32(math.Inf(1)), float32(math.Inf(-1))
	}
	return l
}()

// addGeneric adds the tokens from up to to.
func (l *filterLanes) addGeneric(x *[BlockLen]float32, b *Block, r *Range, from, to int) {
	for t := from; t < to; t++ {
		if b.Invalid[t] != 0 {
			continue
		}
		k, v := t%BlockLanes, r.of(x[t])
		c := max(r.Lo, min(v, r.Hi))
		l.sums[filterSum][k] += v
		l.sums[filterSumSq][k] = fma32(v, v, l.sums[filterSumSq][k])
		l.sums[filterClamped][k] += c
		l.sums[filterClampedSq][k] = fma32(c, c, l.sums[filterClampedSq][k])
		widen(&l.least[k], &l.most[k], v)
		if v > r.Hi {
			l.high[k]++
		}
		if v < r.Lo {
			l.low[k]++
		}
	}
}

package kernel

import "math"

// Bounds turn a token's importance ratio c = e^d, |d| ≤ Clamp, into a weight:
// min(max(c, Lo), Hi), or, if Zero is set, c between the bounds and 0 elsewhere.
// Ratios below Low and above Hi are counted. For tokens the bounds are rounded
// to float32.
type Bounds struct {
	Lo, Hi, Low float64
	Zero        bool
}

// Weigh returns the weight of the ratio c.
func (r *Bounds) Weigh(c float64) float64 {
	if r.Zero && (c < r.Lo || c > r.Hi) {
		return 0
	}
	return max(r.Lo, min(c, r.Hi))
}

// WeightSums are a row's sums of weights y over valid tokens, and counts of
// ratios out of bounds. The zero value is empty.
type WeightSums struct {
	N          int
	Sum, SumSq float64
	Min, Max   float64
	High, Low  int
}

// Add sets y to the weights of the block's tokens, 0 at those that are not
// valid, up to the end of the last group, and adds them.
func (s *WeightSums) Add(y *[BlockLen]float32, b *Block, r *Bounds) {
	l := freshWeightLanes
	bounds := weightBounds{lo: float32(r.Lo), hi: float32(r.Hi), low: float32(r.Low), zero: r.Zero}
	groups := groupsOf(b.N)
	n := l.addFast(y, b, &bounds, groups)
	l.addGeneric(y, b, &bounds, n, groups*BlockLanes)
	s.addLanes(&l, b.Count, y[:groups*BlockLanes])
}

// AddKept adds the weights y of tokens where keep is 1 and sets them to 0 where
// it is 0.
func (s *WeightSums) AddKept(y *[BlockLen]float32, keep []uint8) {
	l := freshWeightLanes
	done := l.addKeptFast(y, keep)
	l.addKeptGeneric(y, keep, done)
	s.addLanes(&l, CountKept(keep), y[:len(keep)])
}

// addLanes adds n weights, given with zeros in between.
func (s *WeightSums) addLanes(l *weightLanes, n int, y []float32) {
	if n == 0 {
		return
	}
	var sums [numWeightSums]float64
	foldLanes(sums[:], l.sums[:])
	least, most := foldExtremes(&l.least, &l.most)
	if s.N == 0 {
		s.Min, s.Max = float64(least), float64(most)
	}
	s.Min, s.Max = min(s.Min, float64(least)), max(s.Max, float64(most))
	s.N += n
	sum, sumSq := aroundOne(n, sums[weightExcess], sums[weightExcessSq], y)
	s.Sum += sum
	s.SumSq += sumSq
	for i := range BlockLanes {
		s.High += int(l.high[i])
		s.Low += int(l.low[i])
	}
}

// weightBounds are Bounds for assembly.
type weightBounds struct {
	lo, hi, low float32
	zero        bool
}

// weightLanes are the sums over a block in the order that assembly knows.
type weightLanes struct {
	sums        [numWeightSums]laneSums
	least, most laneSums
	high, low   [BlockLanes]uint32
}

// Sums by their place in weightLanes: of y − 1, of which float32 loses nothing
// near y = 1, and of its square.
const (
	weightExcess = iota
	weightExcessSq
	numWeightSums
)

var freshWeightLanes = func() (l weightLanes) {
	for i := range BlockLanes {
		l.least[i], l.most[i] = float32(math.Inf(1)), float32(math.Inf(-1))
	}
	return l
}()

// addGeneric is Add for the tokens from up to to.
func (l *weightLanes) addGeneric(y *[BlockLen]float32, b *Block, r *weightBounds, from, to int) {
	for t := from; t < to; t++ {
		c := b.W[t]
		y[t] = 0
		if c == 0 { // not valid
			continue
		}
		k := t % BlockLanes
		if c > r.hi {
			l.high[k]++
		}
		if c < r.low {
			l.low[k]++
		}
		if !r.zero {
			c = max(r.lo, min(c, r.hi))
		} else if c < r.lo || c > r.hi {
			c = 0
		}
		y[t] = c
		l.add(t, c)
	}
}

// addKeptGeneric is AddKept from token from on.
func (l *weightLanes) addKeptGeneric(y *[BlockLen]float32, keep []uint8, from int) {
	for t := from; t < len(keep); t++ {
		if keep[t] == 0 {
			y[t] = 0
			continue
		}
		l.add(t, y[t])
	}
}

// add adds the weight of token t.
func (l *weightLanes) add(t int, y float32) {
	k := t % BlockLanes
	widen(&l.least[k], &l.most[k], y)
	x := y - 1
	l.sums[weightExcess][k] += x
	l.sums[weightExcessSq][k] = fma32(x, x, l.sums[weightExcessSq][k])
}

// DivideWeights divides every weight by the factor, in float32.
func DivideWeights(w []float32, factor float32) {
	n := divideFast(w, factor)
	for t := n; t < len(w); t++ {
		w[t] /= factor
	}
}

// FillWeights sets every weight that is not 0 to x.
func FillWeights(w []float32, x float32) {
	n := fillFast(w, x)
	for t := n; t < len(w); t++ {
		if w[t] != 0 {
			w[t] = x
		}
	}
}

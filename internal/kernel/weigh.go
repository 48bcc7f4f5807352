package kernel

import "math"

// Bounds turn a token's importance ratio c = e^d, |d| ≤ Clamp, into a weight:
// min(max(c, Lo), Hi), or, if Zero is set, c between the bounds and 0 elsewhere.
// Ratios below Low and above Hi are counted.
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

// WeightAcc accumulates a row's weights over its valid tokens, as RowAcc does.
// Reset comes first.
type WeightAcc struct {
	sum, sumSq, ratio RowSum
	least, largest    RowSum // not sums: extremes by lane
	high, low         int
}

// Reset starts a row.
func (a *WeightAcc) Reset() {
	*a = WeightAcc{}
	for i := range a.least {
		a.least[i], a.largest[i] = math.Inf(1), math.Inf(-1)
	}
}

// Weigh sets y to the weights of the block's tokens, 0 where one is not valid,
// and adds them.
func (a *WeightAcc) Weigh(y *[BlockLen]float64, b *Block, r *Bounds) {
	from := 0
	if !b.Wild {
		from = a.weighFast(y, b, r)
	}
	for t := from; t < b.N; t++ {
		y[t] = 0
		if b.Valid[t] == 0 {
			continue
		}
		c := b.W[t]
		if b.Wild {
			c = BoundedRatio(b.D[t])
		}
		w := r.Weigh(c)
		y[t] = w
		i := t % RowLanes
		a.sum[i] += w
		a.sumSq[i] += float64(w * w)
		a.ratio[i] += c
		a.least[i], a.largest[i] = min(a.least[i], w), max(a.largest[i], w)
		if c > r.Hi {
			a.high++
		}
		if c < r.Low {
			a.low++
		}
	}
}

// WeightSums are a row's sums: of weights, of their squares, of the ratios they
// were made from, and counts of ratios out of bounds. The extremes are infinite
// if no token is valid.
type WeightSums struct {
	Sum, SumSq, Ratio float64
	Min, Max          float64
	High, Low         int
}

// Sums returns the row's sums.
func (a *WeightAcc) Sums() WeightSums {
	s := WeightSums{
		Sum: a.sum.Total(), SumSq: a.sumSq.Total(), Ratio: a.ratio.Total(),
		Min: a.least[0], Max: a.largest[0], High: a.high, Low: a.low,
	}
	for i := range RowLanes {
		s.Min, s.Max = min(s.Min, a.least[i]), max(s.Max, a.largest[i])
	}
	return s
}

// StoreWeights sets dst[t] to y[t]/factor, rounded to float32.
func StoreWeights(dst []float32, y *[BlockLen]float64, factor float64) {
	from := 0
	if factor == 1 {
		from = storeFast(dst, y)
	}
	for t := from; t < len(dst); t++ {
		dst[t] = float32(y[t] / factor)
	}
}

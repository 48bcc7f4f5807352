package kernel

import "math"

func maxLogitGeneric(x []float32) float32 {
	m := negInf32
	for _, v := range x {
		if v > m {
			m = v
		}
	}
	return m
}

func maxLogitBF16Generic(x []uint16) float32 {
	m := negInf32
	for _, b := range x {
		if v := math.Float32frombits(uint32(b) << 16); v > m {
			m = v
		}
	}
	return m
}

// addLogitsGeneric adds whole blocks. Element i of a block belongs to lane
// i mod Lanes. Of a lane's terms e, each two neighbours are added, and these
// pairs from first to last with Kahan's correction; the products d·e are added
// from first to last. All this is float32. Both sums, and what is left of the
// correction, are added to the lane's in float64.
func addLogitsGeneric(lanes *logitLanes, x []float32, t *logitTerms) {
	for ; len(x) > 0; x = x[logitBlock:] {
		addLogitBlock(lanes, (*[logitBlock]float32)(x), t)
	}
}

func addLogitsBF16Generic(lanes *logitLanes, x []uint16, t *logitTerms) {
	for ; len(x) > 0; x = x[logitBlock:] {
		var block [logitBlock]float32
		decodeBF16Generic(block[:], x[:logitBlock])
		addLogitBlock(lanes, &block, t)
	}
}

func addLogitBlock(lanes *logitLanes, x *[logitBlock]float32, t *logitTerms) {
	for lane := range Lanes {
		var sum, excess, weighted float32 // excess is what sum holds too much
		for i := lane; i < logitBlock; i += 2 * Lanes {
			d0, e0 := logitTerm(x[i], t)
			d1, e1 := logitTerm(x[i+Lanes], t)
			y := (e0 + e1) - excess
			next := sum + y
			excess = (next - sum) - y
			sum = next
			weighted = fma32(d1, e1, fma32(d0, e0, weighted))
		}
		lanes.sum[lane] += float64(sum) - float64(excess)
		lanes.weighted[lane] += float64(weighted)
	}
}

func logitTerm(x float32, t *logitTerms) (d, e float32) {
	d = x + t.offset
	if d < t.floor { // not for NaN
		d = t.floor
	}
	return d, expScaled(d, t.scale, t.steps)
}

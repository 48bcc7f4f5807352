//go:build !purego

package kernel

import "math"

// The kernels take at most Chunk logits: the callers hand over no more.

func maxLogitFast(x []float32) (m float32, n int) {
	g := len(x) / logitBlock
	switch {
	case g == 0 || level == Generic:
		return negInf32, 0
	case level == AVX512:
		m = maxLogitAVX512(&x[0], g)
	default:
		m = maxLogitAVX2(&x[0], g)
	}
	return m, g * logitBlock
}

func maxLogitBF16Fast(x []uint16) (m float32, n int) {
	g := len(x) / logitBlock
	var bits, smallest int16
	switch {
	case g == 0 || level == Generic:
		return negInf32, 0
	case level == AVX512:
		bits, smallest = maxLogitBF16AVX512(&x[0], g)
	default:
		bits, smallest = maxLogitBF16AVX2(&x[0], g)
	}
	if bits < 0 {
		bits = smallest
	}
	return math.Float32frombits(uint32(uint16(bits)) << 16), g * logitBlock
}

func addLogitsFast(lanes *logitLanes, x []float32, t *logitTerms) (n int) {
	g := len(x) / logitBlock
	switch {
	case g == 0 || level == Generic:
		return 0
	case level == AVX512:
		addLogitsAVX512(&lanes.sum[0], &lanes.weighted[0], &x[0], t.offset, t.scale, t.steps, t.floor, g)
	default:
		addLogitsAVX2(&lanes.sum[0], &lanes.weighted[0], &x[0], t.offset, t.scale, t.steps, t.floor, g)
	}
	return g * logitBlock
}

func addLogitsBF16Fast(lanes *logitLanes, x []uint16, t *logitTerms) (n int) {
	g := len(x) / logitBlock
	switch {
	case g == 0 || level == Generic:
		return 0
	case level == AVX512:
		addLogitsBF16AVX512(&lanes.sum[0], &lanes.weighted[0], &x[0], t.offset, t.scale, t.steps, t.floor, g)
	default:
		addLogitsBF16AVX2(&lanes.sum[0], &lanes.weighted[0], &x[0], t.offset, t.scale, t.steps, t.floor, g)
	}
	return g * logitBlock
}

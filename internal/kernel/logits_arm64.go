//go:build !purego

package kernel

import "math"

// The kernels take at most Chunk logits: the callers hand over no more.

func maxLogitFast(x []float32) (m float32, n int) {
	const group = 16
	if level != NEON || len(x) < group {
		return negInf32, 0
	}
	var keys [4]uint32
	maxLogitNEON(&keys[0], &x[0], len(x)/group)
	key := max(keys[0], keys[1], keys[2], keys[3])
	if key&f32Sign != 0 {
		key ^= f32Sign
	} else {
		key = ^key
	}
	return math.Float32frombits(key), len(x) / group * group
}

func maxLogitBF16Fast(x []uint16) (m float32, n int) {
	const group = 32
	if level != NEON || len(x) < group {
		return negInf32, 0
	}
	var keys [8]uint16
	maxLogitBF16NEON(&keys[0], &x[0], len(x)/group)
	key := keys[0]
	for _, k := range keys {
		key = max(key, k)
	}
	if key&0x8000 != 0 {
		key ^= 0x8000
	} else {
		key = ^key
	}
	return bf16Value(key), len(x) / group * group
}

// logitBlockSums are the sums of each lane of a block: see addLogitBlockNEON.
type logitBlockSums struct {
	sum, excess, weighted [Lanes]float32
	largest               [Lanes]uint32
}

func addLogitsFast(lanes *logitLanes, x []float32, t *logitTerms) (n int) {
	if level != NEON {
		return 0
	}
	for ; len(x)-n >= logitBlock; n += logitBlock {
		lanes.addBlock((*[logitBlock]float32)(x[n:]), t)
	}
	return n
}

func addLogitsBF16Fast(lanes *logitLanes, x []uint16, t *logitTerms) (n int) {
	if level != NEON {
		return 0
	}
	for ; len(x)-n >= logitBlock; n += logitBlock {
		var block [logitBlock]float32
		DecodeBF16(block[:], x[n:n+logitBlock])
		lanes.addBlock(&block, t)
	}
	return n
}

func (l *logitLanes) addBlock(x *[logitBlock]float32, t *logitTerms) {
	var s logitBlockSums
	addLogitBlockNEON(&s, &x[0], t.offset, t.scale, t.steps, t.floor)
	var largest uint32
	for i := range Lanes {
		l.sum[i] += float64(s.sum[i]) - float64(s.excess[i])
		l.weighted[i] += float64(s.weighted[i])
		largest = max(largest, s.largest[i])
	}
	if largest > f32Sign|f32Inf {
		l.weighted[0] = math.NaN() // the clamp has lost a NaN with a sign
	}
}

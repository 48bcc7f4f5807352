//go:build !purego

package kernel

//go:generate env GOWORK=off go -C _asm run ./ratio -out ../zratio_amd64.s -stubs ../zratio_amd64.go -pkg kernel

// The fast parts work on whole groups of 8 tokens and return how many tokens
// they did. A block is short enough to need no breaks for preemption.

// allSet is the mask of a group where there is no mask.
var allSet = [8]uint8{1, 1, 1, 1, 1, 1, 1, 1}

func (b *Block) loadFast(trainer, rollout []float32, mask []uint8) int {
	groups := len(trainer) / 8
	if level == Generic || groups == 0 {
		return 0
	}
	m, step := &allSet[0], 0
	if mask != nil {
		m, step = &mask[0], 8
	}
	var maxAbs float64
	if level == AVX512 {
		b.Count, b.NonFinite, maxAbs = loadAVX512(&b.D[0], &b.Valid[0], &trainer[0], &rollout[0], m, step, groups)
	} else {
		b.Count, b.NonFinite, maxAbs = loadAVX2(&b.D[0], &b.Valid[0], &trainer[0], &rollout[0], m, step, groups)
	}
	b.Wild = maxAbs > Clamp
	return 8 * groups
}

func (b *Block) expFast() int {
	groups := b.N / 8
	switch level {
	case AVX512:
		expAVX512(&b.W[0], &b.K3[0], &b.D[0], &b.Valid[0], groups)
	case AVX2:
		expAVX2(&b.W[0], &b.K3[0], &b.D[0], &b.Valid[0], groups)
	default:
		return 0
	}
	return 8 * groups
}

func (a *RowAcc) addFast(b *Block, trainer, rollout []float32) int {
	groups := b.N / 8
	if level == Generic || groups == 0 {
		return 0
	}
	var over, under int
	if level == AVX512 {
		addLogProbsAVX512(&a.lanes[sumTrainer][0], &trainer[0], &rollout[0], &b.Valid[0], groups)
		addDAVX512(&a.lanes[sumD][0], &a.minD[0], &a.maxD[0], &b.D[0], &b.Valid[0], groups)
		over, under = addWAVX512(&a.lanes[sumW][0], &b.W[0], &b.K3[0], &b.Valid[0], groups)
	} else {
		addLogProbsAVX2(&a.lanes[sumTrainer][0], &trainer[0], &rollout[0], &b.Valid[0], groups)
		addDAVX2(&a.lanes[sumD][0], &a.minD[0], &a.maxD[0], &b.D[0], &b.Valid[0], groups)
		over, under = addWAVX2(&a.lanes[sumW][0], &b.W[0], &b.K3[0], &b.Valid[0], groups)
	}
	a.over2 += over
	a.underHalf += under
	return 8 * groups
}

func (a *WeightAcc) weighFast(y *[BlockLen]float64, b *Block, r *Bounds) int {
	groups := b.N / 8
	var high, low int
	switch {
	case level == AVX512 && r.Zero:
		high, low = popAVX512(&a.sum[0], &y[0], &b.W[0], &b.Valid[0], &r.Lo, groups)
	case level == AVX512:
		high, low = clipAVX512(&a.sum[0], &y[0], &b.W[0], &b.Valid[0], &r.Lo, groups)
	case level == AVX2 && r.Zero:
		high, low = popAVX2(&a.sum[0], &y[0], &b.W[0], &b.Valid[0], &r.Lo, groups)
	case level == AVX2:
		high, low = clipAVX2(&a.sum[0], &y[0], &b.W[0], &b.Valid[0], &r.Lo, groups)
	default:
		return 0
	}
	a.high += high
	a.low += low
	return 8 * groups
}

func binsFast(bin *[BlockLen]uint64, b *Block) int {
	groups := b.N / 8
	switch level {
	case AVX512:
		binsAVX512(&bin[0], &b.D[0], &b.Valid[0], groups)
	case AVX2:
		binsAVX2(&bin[0], &b.D[0], &b.Valid[0], groups)
	default:
		return 0
	}
	return 8 * groups
}

func storeFast(dst []float32, y *[BlockLen]float64) int {
	groups := len(dst) / 8
	switch {
	case groups == 0:
	case level == AVX512:
		storeAVX512(&dst[0], &y[0], groups)
		return 8 * groups
	case level == AVX2:
		storeAVX2(&dst[0], &y[0], groups)
		return 8 * groups
	}
	return 0
}

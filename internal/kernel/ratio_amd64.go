//go:build !purego

package kernel

//go:generate env GOWORK=off go -C _asm run ./ratio -out ../zratio_amd64.s -stubs ../zratio_amd64.go -pkg kernel

// The fast parts return how many tokens they did. A block is short enough to
// need no breaks for preemption.

func setInvalidFast(invalid, mask []uint8) (done, count int) {
	groups := len(mask) / 32
	if level == Generic || groups == 0 {
		return 0, 0
	}
	return groups * 32, invalidAVX2(&invalid[0], &mask[0], groups)
}

func (b *Block) keepFast(keep []uint8) int {
	groups := len(keep) / 32
	if level == Generic || groups == 0 {
		return 0
	}
	keepAVX2(&keep[0], &b.Invalid[0], groups)
	return groups * 32
}

func (b *Block) logRatiosFast(at int, trainer, rollout []float32, groups int) int {
	l := &b.lanes.sums[0][0]
	switch {
	case level == Generic || groups == 0:
		return 0
	case level == AVX512:
		logRatiosAVX512(l, &b.D[at], &b.Invalid[at], &trainer[0], &rollout[0], groups)
	default:
		logRatiosAVX2(l, &b.D[at], &b.Invalid[at], &trainer[0], &rollout[0], groups)
	}
	return groups * BlockLanes
}

func (b *Block) exponentialsFast(trainer, rollout []float32, groups int) int {
	l := &b.lanes.sums[0][0]
	switch {
	case level == Generic || groups == 0:
		return 0
	case level == AVX512:
		exponentialsAVX512(l, &b.D[0], &b.W[0], &b.K3[0], &b.Invalid[0], &trainer[0], &rollout[0], groups)
	default:
		exponentialsAVX2(l, &b.D[0], &b.W[0], &b.K3[0], &b.Invalid[0], &trainer[0], &rollout[0], groups)
	}
	return groups * BlockLanes
}

func (l *spreadLanes) addFast(b *Block, h *Histogram, groups int) int {
	switch {
	case level == Generic || groups == 0:
		return 0
	case level == AVX512:
		spreadAVX512(&l.sums[0][0], &b.D[0], &b.K3[0], &h.recent[0][0], groups)
	default:
		spreadAVX2(&l.sums[0][0], &b.D[0], &b.K3[0], &h.recent[0][0], groups)
	}
	return groups * BlockLanes
}

func (l *weightLanes) addFast(y *[BlockLen]float32, b *Block, r *weightBounds, groups int) int {
	switch {
	case level == Generic || groups == 0:
		return 0
	case level == AVX512 && r.zero:
		popAVX512(&l.sums[0][0], &y[0], &b.W[0], r.lo, r.hi, r.low, groups)
	case level == AVX512:
		clipAVX512(&l.sums[0][0], &y[0], &b.W[0], r.lo, r.hi, r.low, groups)
	case r.zero:
		popAVX2(&l.sums[0][0], &y[0], &b.W[0], r.lo, r.hi, r.low, groups)
	default:
		clipAVX2(&l.sums[0][0], &y[0], &b.W[0], r.lo, r.hi, r.low, groups)
	}
	return groups * BlockLanes
}

func (l *weightLanes) addKeptFast(y *[BlockLen]float32, keep []uint8) int {
	groups := len(keep) / BlockLanes
	switch {
	case level == Generic || groups == 0:
		return 0
	case level == AVX512:
		keptAVX512(&l.sums[0][0], &y[0], &keep[0], groups)
	default:
		keptAVX2(&l.sums[0][0], &y[0], &keep[0], groups)
	}
	return groups * BlockLanes
}

func divideFast(w []float32, factor float32) int {
	return elementwise(w, factor, divideAVX2, divideAVX512)
}

func fillFast(w []float32, x float32) int {
	return elementwise(w, x, fillAVX2, fillAVX512)
}

// elementwise runs a kernel over the whole groups of w.
func elementwise(w []float32, x float32, avx2, avx512 func(w *float32, x float32, groups int)) int {
	done := 0
	for level != Generic {
		g := groups(len(w)-done, BlockLanes)
		if g == 0 {
			break
		}
		if level == AVX512 {
			avx512(&w[done], x, g)
		} else {
			avx2(&w[done], x, g)
		}
		done += g * BlockLanes
	}
	return done
}

// foldLanes sets dst[i] to the sum of lanes[i], folded by halves.
func foldLanes(dst []float64, lanes []laneSums) {
	if level == Generic {
		foldLanesGeneric(dst, lanes)
		return
	}
	foldLanesAVX2(&dst[0], &lanes[0][0], len(dst))
}

// foldExtremes returns the least of least and the most of most; of equals, zeros
// of either sign too, the one that halving finds.
func foldExtremes(least, most *laneSums) (lo, hi float32) {
	if level == Generic {
		return foldExtremesGeneric(least, most)
	}
	return foldExtremesAVX2(&least[0], &most[0])
}

func (l *filterLanes) addFast(x *[BlockLen]float32, b *Block, r *Range, groups int) int {
	s := &l.sums[0][0]
	switch {
	case level == Generic || groups == 0:
		return 0
	case level == AVX512 && r.Square:
		filterSquareAVX512(s, &x[0], &b.Invalid[0], r.Lo, r.Hi, groups)
	case level == AVX512:
		filterAVX512(s, &x[0], &b.Invalid[0], r.Lo, r.Hi, groups)
	case r.Square:
		filterSquareAVX2(s, &x[0], &b.Invalid[0], r.Lo, r.Hi, groups)
	default:
		filterAVX2(s, &x[0], &b.Invalid[0], r.Lo, r.Hi, groups)
	}
	return groups * BlockLanes
}

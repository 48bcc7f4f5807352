//go:build !purego

package kernel

// The fast parts return how many tokens they did. A block is short enough to
// need no breaks for preemption.

func setInvalidFast(invalid, mask []uint8) (done, count int) {
	groups := len(mask) / 32
	if level != NEON || groups == 0 {
		return 0, 0
	}
	return groups * 32, invalidNEON(&invalid[0], &mask[0], groups)
}

func (b *Block) keepFast(keep []uint8) int {
	groups := len(keep) / 32
	if level != NEON || groups == 0 {
		return 0
	}
	keepNEON(&keep[0], &b.Invalid[0], groups)
	return groups * 32
}

func (b *Block) logRatiosFast(at int, trainer, rollout []float32, groups int) int {
	if level != NEON || groups == 0 {
		return 0
	}
	logRatiosNEON(&b.lanes.sums[0][0], &b.D[at], &b.Invalid[at], &trainer[0], &rollout[0], groups)
	return groups * BlockLanes
}

func (b *Block) exponentialsFast(_, _ []float32, groups int) int {
	if level != NEON || groups == 0 {
		return 0
	}
	exponentialsNEON(&b.lanes.sums[0][0], &b.D[0], &b.W[0], &b.K3[0], &b.Invalid[0], groups)
	return groups * BlockLanes
}

func (l *spreadLanes) addFast(b *Block, h *Histogram, groups int) int {
	if level != NEON || groups == 0 {
		return 0
	}
	spreadNEON(&l.sums[0][0], &b.D[0], &b.K3[0], groups)
	var bin [BlockLen]uint16
	binsNEON(&bin[0], &b.D[0], groups)
	for t, i := range bin[:groups*BlockLanes] {
		h.recent[i%histLen][t%histTurns]++
	}
	return groups * BlockLanes
}

func (l *weightLanes) addFast(y *[BlockLen]float32, b *Block, r *weightBounds, groups int) int {
	switch {
	case level != NEON || groups == 0:
		return 0
	case r.zero:
		popNEON(&l.sums[0][0], &y[0], &b.W[0], r.lo, r.hi, r.low, groups)
	default:
		clipNEON(&l.sums[0][0], &y[0], &b.W[0], r.lo, r.hi, r.low, groups)
	}
	return groups * BlockLanes
}

func (l *weightLanes) addKeptFast(y *[BlockLen]float32, keep []uint8) int {
	groups := len(keep) / BlockLanes
	if level != NEON || groups == 0 {
		return 0
	}
	keptNEON(&l.sums[0][0], &y[0], &keep[0], groups)
	return groups * BlockLanes
}

func (l *filterLanes) addFast(x *[BlockLen]float32, b *Block, r *Range, groups int) int {
	switch {
	case level != NEON || groups == 0:
		return 0
	case r.Square:
		filterSquareNEON(&l.sums[0][0], &x[0], &b.Invalid[0], r.Lo, r.Hi, groups)
	default:
		filterNEON(&l.sums[0][0], &x[0], &b.Invalid[0], r.Lo, r.Hi, groups)
	}
	return groups * BlockLanes
}

func fillFast(w []float32, x float32) int {
	done := 0
	for level == NEON {
		g := groups(len(w)-done, BlockLanes)
		if g == 0 {
			break
		}
		fillNEON(&w[done], x, g)
		done += g * BlockLanes
	}
	return done
}

// What follows has no form with NEON, since Go's assembler has neither division
// nor conversion of vectors.

func divideFast(w []float32, factor float32) int { return 0 }

func foldLanes(dst []float64, lanes []laneSums) { foldLanesGeneric(dst, lanes) }

func foldExtremes(least, most *laneSums) (lo, hi float32) { return foldExtremesGeneric(least, most) }

package kernel

// blockSums are the sums of a block's lanes. D is the difference of trainer and
// rollout, and as exact as they are: within 1e-10 for log-probabilities above
// −64. The others carry the rounding of float32, a few 1e-7 of the sum of
// magnitudes at most, and that of their terms.
type blockSums struct {
	BoundedSums
	trainer, rollout float64
	least, most      float32 // of d
}

// fold sets the block's sums to those of its lanes.
func (b *Block) fold(groups int) {
	var s [numRatioSums]float64
	foldLanes(s[:], b.lanes.sums[:])
	n := &b.near
	*n = blockSums{
		trainer: (s[sumTrainer] - BlockLanes*laneBias) + s[sumTrainerRest],
		rollout: (s[sumRollout] - BlockLanes*laneBias) + s[sumRolloutRest],
	}
	n.least, n.most = foldExtremes(&b.lanes.least, &b.lanes.most)
	n.N, n.D, n.D2, n.K3 = b.Count, n.trainer-n.rollout, s[sumD2], s[sumK3]
	n.Ratio, n.RatioSq = aroundOne(n.N, n.D+n.K3, s[sumE2], b.W[:groups*BlockLanes])
}

// aroundOne returns Σy and Σy² of n values from Σ(y−1) and Σ(y−1)². Where that
// leaves little of n, and of its digits, it adds up y instead, which is 0
// elsewhere.
func aroundOne(n int, excess, excessSq float64, y []float32) (sum, sumSq float64) {
	count := float64(n)
	sum, sumSq = count+excess, count+(excess+excess+excessSq)
	if sumSq >= count/8 {
		return sum, sumSq
	}
	sum, sumSq = 0, 0
	for _, v := range y {
		w := float64(v)
		sum += w
		sumSq += float64(w * w)
	}
	return sum, sumSq
}

// usual reports whether load was right: no d is beyond Clamp, NaN or infinite,
// and log-probabilities are small enough for their sums.
func (s *blockSums) usual() bool {
	const most = 1 << 20
	return s.least >= -Clamp && s.most <= Clamp && s.D2 == s.D2 &&
		s.trainer >= -most && s.trainer <= most && s.rollout >= -most && s.rollout <= most
}

//go:build !purego

package kernel

func (l *pairLanes) addNear(x, y *[pairBlock]float32, s *PairScale) bool {
	var sums pairBlockSums
	switch level {
	case AVX512:
		if pairSumsAVX512(&sums[0][0], &x[0], &y[0], s.invTemp, s.logP32, s.shift32, s.lowest) > farBits {
			return false
		}
		addPairSumsAVX512(&l[0][0], &sums[0][0])
	case AVX2:
		if pairSumsAVX2(&sums[0][0], &x[0], &y[0], s.invTemp, s.logP32, s.shift32, s.lowest) > farBits {
			return false
		}
		addPairSumsAVX2(&l[0][0], &sums[0][0])
	default:
		return l.addNearGeneric(x, y, s)
	}
	return true
}

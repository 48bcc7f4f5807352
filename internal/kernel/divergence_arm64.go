//go:build !purego

package kernel

func (l *pairLanes) addNear(x, y *[pairBlock]float32, s *PairScale) bool {
	if level != NEON {
		return l.addNearGeneric(x, y, s)
	}
	var sums pairBlockSums
	var largest [4]uint32
	pairSumsNEON(&sums[0][0], &largest[0], &x[0], &y[0], s.invTemp, -s.logP32, -s.shift32, s.lowest)
	if max(largest[0], largest[1], largest[2], largest[3]) > farBits {
		return false
	}
	l.addSums(&sums)
	return true
}

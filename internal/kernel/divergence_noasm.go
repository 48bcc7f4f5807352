//go:build (!amd64 && !arm64) || purego

package kernel

func (l *pairLanes) addNear(x, y *[pairBlock]float32, s *PairScale) bool {
	return l.addNearGeneric(x, y, s)
}

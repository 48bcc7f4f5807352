//go:build (!amd64 && !arm64) || purego

package kernel

func setInvalidFast(invalid, mask []uint8) (done, count int) { return 0, 0 }

func (b *Block) keepFast(keep []uint8) int { return 0 }

func (b *Block) logRatiosFast(at int, trainer, rollout []float32, groups int) int { return 0 }

func (b *Block) exponentialsFast(trainer, rollout []float32, groups int) int { return 0 }

func (l *spreadLanes) addFast(b *Block, h *Histogram, groups int) int { return 0 }

func (l *weightLanes) addFast(y *[BlockLen]float32, b *Block, r *weightBounds, groups int) int {
	return 0
}

func (l *weightLanes) addKeptFast(y *[BlockLen]float32, keep []uint8) int { return 0 }

func divideFast(w []float32, factor float32) int { return 0 }

func fillFast(w []float32, x float32) int { return 0 }

func foldLanes(dst []float64, lanes []laneSums) { foldLanesGeneric(dst, lanes) }

func foldExtremes(least, most *laneSums) (lo, hi float32) { return foldExtremesGeneric(least, most) }

func (l *filterLanes) addFast(x *[BlockLen]float32, b *Block, r *Range, groups int) int {
	return 0
}

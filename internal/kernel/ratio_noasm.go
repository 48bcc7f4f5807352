//go:build !amd64 || purego

package kernel

func (b *Block) loadFast(trainer, rollout []float32, mask []uint8) int { return 0 }

func (b *Block) expFast() int { return 0 }

func (a *RowAcc) addFast(b *Block, trainer, rollout []float32) int { return 0 }

func (a *WeightAcc) weighFast(y *[BlockLen]float64, b *Block, r *Bounds) int { return 0 }

func storeFast(dst []float32, y *[BlockLen]float64) int { return 0 }

func binsFast(bin *[BlockLen]uint64, b *Block) int { return 0 }

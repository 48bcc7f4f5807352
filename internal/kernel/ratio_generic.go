package kernel

import "math"

// loadGeneric is Load from token from on.
func (b *Block) loadGeneric(from int, trainer, rollout []float32, mask []uint8) {
	for t := from; t < len(trainer); t++ {
		b.D[t], b.Valid[t] = 0, 0
		if mask != nil && mask[t] == 0 {
			continue
		}
		d := float64(trainer[t]) - float64(rollout[t])
		// ∞ − ∞ is NaN, and a difference of finite float32s is finite in float64.
		if d-d != 0 {
			b.NonFinite++
			continue
		}
		b.D[t], b.Valid[t] = d, Valid
		b.Count++
		if math.Abs(d) > Clamp {
			b.Wild = true
		}
	}
}

// expGeneric is Exp from token from on, where no |d| exceeds Clamp.
func (b *Block) expGeneric(from int) {
	for t := from; t < b.N; t++ {
		b.W[t], b.K3[t] = 0, 0
		if b.Valid[t] != 0 {
			b.W[t], b.K3[t] = ExpK3(b.D[t])
		}
	}
}

// expWild is Exp for any d.
func (b *Block) expWild() {
	for t := range b.N {
		b.W[t], b.K3[t] = 0, 0
		if b.Valid[t] == 0 {
			continue
		}
		d := clamp(b.D[t], MaxLogRatio)
		b.W[t], b.K3[t] = ExpK3(clamp(d, MaxExp))
		if d < -MaxExp {
			b.K3[t] = b.W[t] - 1 - d
		}
	}
}

// addGeneric adds the tokens from from on, where no |d| exceeds Clamp.
func (a *RowAcc) addGeneric(b *Block, from int, trainer, rollout []float32) {
	for t := from; t < b.N; t++ {
		if b.Valid[t] == 0 {
			continue
		}
		w, k3 := b.W[t], b.K3[t]
		w2 := float64(w * w)
		a.addToken(t, b.D[t], w, w2, w2, k3, float64(k3*k3), trainer[t], rollout[t])
	}
}

// addWild adds a block whatever its d.
func (a *RowAcc) addWild(b *Block, trainer, rollout []float32) {
	for t := range b.N {
		if b.Valid[t] == 0 {
			continue
		}
		d, w, k3 := clamp(b.D[t], MaxLogRatio), b.W[t], b.K3[t]
		u, v := w, k3 // as they enter squares
		if d > MaxExp/2 {
			u, v = ExpK3(MaxExp / 2)
		}
		bounded := BoundedRatio(d)
		a.addToken(t, d, w, float64(u*u), float64(bounded*bounded), k3, float64(v*v), trainer[t], rollout[t])
	}
}

func (a *RowAcc) addToken(t int, d, w, w2, bounded2, k3, k3Sq float64, trainer, rollout float32) {
	i := t % RowLanes
	d2 := float64(d * d)
	a.lanes[sumTrainer][i] += float64(trainer)
	a.lanes[sumRollout][i] += float64(rollout)
	a.lanes[sumD][i] += d
	a.lanes[sumAbsD][i] += math.Abs(d)
	a.lanes[sumD2][i] += d2
	a.lanes[sumD4][i] += float64(d2 * d2)
	a.lanes[sumW][i] += w
	a.lanes[sumW2][i] += w2
	a.lanes[sumK3][i] += k3
	a.lanes[sumK3Sq][i] += k3Sq
	a.lanes[sumBoundedW2][i] += bounded2
	// Compared, not min and max: of zeros of either sign the first stays.
	if d < a.minD[i] {
		a.minD[i] = d
	}
	if d > a.maxD[i] {
		a.maxD[i] = d
	}
	if w > 2 {
		a.over2++
	}
	if w < 0.5 {
		a.underHalf++
	}
}

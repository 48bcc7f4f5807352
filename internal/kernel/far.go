package kernel

// farTokens are those that the lanes of a block cannot take: their |d| exceeds
// Clamp, or a log-probability MaxLogRatio. They are far outside of what two
// models can give, hence few, and are added one by one in float64.
type farTokens struct {
	n    int
	d    [BlockLen]float32 // not clamped
	sums RowSums
}

// loadUnusual is Load with tokens that are not finite left out and those that
// are far apart from the others.
func (b *Block) loadUnusual(trainer, rollout []float32, mask []uint8) {
	var near [BlockLen]uint8
	var at [BlockLen]uint16
	f := &b.far
	for t := range trainer {
		if mask[t] == 0 {
			continue
		}
		d := trainer[t] - rollout[t]
		switch {
		case d-d != 0:
			b.NonFinite++
		case abs32(d) > Clamp || abs32(trainer[t]) > MaxLogRatio || abs32(rollout[t]) > MaxLogRatio:
			at[f.n], f.d[f.n] = uint16(t), d
			f.n++
		default:
			near[t] = 1
		}
	}
	b.load(trainer, rollout, near[:len(trainer)])
	b.Count += f.n
	f.sums = RowSums{}
	for i, t := range at[:f.n] {
		d := max(-Clamp, min(f.d[i], Clamp))
		b.Invalid[t] = 0
		b.D[t] = d
		b.W[t], b.K3[t] = ExpK3Float32(d)
		f.sums.addFar(float64(f.d[i]), float64(trainer[t]), float64(rollout[t]))
	}
}

func abs32(x float32) float32 { return max(x, -x) }

// addFar adds one token. Of what AddSpread sums it adds what that does not see
// because D is clamped.
func (s *RowSums) addFar(d, trainer, rollout float64) {
	d = clamp(d, MaxLogRatio)
	s.widen(d, d)
	s.Trainer += trainer
	s.Rollout += rollout
	w, k3 := ExpK3(clamp(d, MaxExp))
	if d < -MaxExp {
		k3 = w - 1 - d
	}
	w2, k3Sq := float64(w*w), float64(k3*k3)
	if d > MaxExp/2 {
		u, v := ExpK3(MaxExp / 2)
		w2, k3Sq = float64(u*u), float64(v*v)
	}
	s.add(1, d, float64(d*d), w, w2, k3)

	c := clamp(d, Clamp)
	wc, kc := ExpK3(c)
	s.Bounded.Add(&BoundedSums{1, c, float64(c * c), wc, float64(wc * wc), kc})

	s.AbsD += max(d, -d) - max(c, -c)
	s.D4 += float64(float64(d*d)*float64(d*d)) - float64(float64(c*c)*float64(c*c))
	s.K3Sq += k3Sq - float64(kc*kc)
}

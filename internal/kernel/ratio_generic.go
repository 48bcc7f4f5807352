package kernel

// logRatiosGeneric is logRatios for tokens from up to to of the groups. Assembly
// goes through the same operations for every token, for those not valid with
// log-probabilities of 0; they change no sum.
func (b *Block) logRatiosGeneric(at int, trainer, rollout []float32, from, to int) {
	s := &b.lanes.sums
	for i := from; i < to; i++ {
		t, k := at+i, i%BlockLanes
		if b.Invalid[t] != 0 {
			b.D[t] = 0
			continue
		}
		d := trainer[i] - rollout[i]
		b.D[t] = d
		addWithRest(&s[sumTrainer][k], &s[sumTrainerRest][k], trainer[i])
		addWithRest(&s[sumRollout][k], &s[sumRolloutRest][k], rollout[i])
		s[sumD2][k] = fma32(d, d, s[sumD2][k])
		widen(&b.lanes.least[k], &b.lanes.most[k], d)
	}
}

// exponentialsGeneric is exponentials for tokens from up to to.
func (b *Block) exponentialsGeneric(from, to int) {
	s := &b.lanes.sums
	for t := from; t < to; t++ {
		b.W[t], b.K3[t] = 0, 0
		if b.Invalid[t] != 0 {
			continue
		}
		k, d := t%BlockLanes, b.D[t]
		w, k3 := ExpK3Float32(d)
		e := k3 + d
		s[sumE2][k] = fma32(e, e, s[sumE2][k])
		s[sumK3][k] += k3
		b.W[t], b.K3[t] = w, k3
	}
}

// addWithRest adds x to sum, and what that rounds off to rest.
func addWithRest(sum, rest *float32, x float32) {
	s := *sum + x
	*rest += x - (s - *sum)
	*sum = s
}

// widen takes x into the extremes. It compares, where min and max would not do:
// of equals, zeros of either sign too, the first stays, and NaN is left out.
func widen(least, most *float32, x float32) {
	if x < *least {
		*least = x
	}
	if x > *most {
		*most = x
	}
}

// ln2Float32 is ln 2 rounded.
const ln2Float32 = 0x1.62e43p-1

// addGeneric adds the block's tokens from up to to.
func (l *spreadLanes) addGeneric(b *Block, from, to int) {
	for t := from; t < to; t++ {
		k, d, k3 := t%BlockLanes, b.D[t], b.K3[t]
		d2 := float32(d * d)
		l.sums[spreadAbs][k] += abs32(d)
		l.sums[spreadD4][k] = fma32(d2, d2, l.sums[spreadD4][k])
		l.sums[spreadK3Sq][k] = fma32(k3, k3, l.sums[spreadK3Sq][k])
		if d > ln2Float32 {
			l.over2[k]++
		}
		if d < -ln2Float32 {
			l.underHalf[k]++
		}
	}
}

// foldLanesGeneric sets dst[i] to the sum of lanes[i].
func foldLanesGeneric(dst []float64, lanes []laneSums) {
	for i := range dst {
		var s [BlockLanes]float64
		for k, x := range lanes[i] {
			s[k] = float64(x)
		}
		for half := BlockLanes / 2; half > 0; half /= 2 {
			for k := range half {
				s[k] += s[k+half]
			}
		}
		dst[i] = s[0]
	}
}

// foldExtremesGeneric folds by halves, keeping the lower of equals, zeros of
// either sign too.
func foldExtremesGeneric(least, most *laneSums) (lo, hi float32) {
	l, m := *least, *most
	for half := BlockLanes / 2; half > 0; half /= 2 {
		for k := range half {
			if l[k+half] < l[k] {
				l[k] = l[k+half]
			}
			if m[k+half] > m[k] {
				m[k] = m[k+half]
			}
		}
	}
	return l[0], m[0]
}

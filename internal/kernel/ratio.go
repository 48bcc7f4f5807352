package kernel

import "math"

// What a token is to a row's sums.
const (
	Masked    uint8 = iota // not trained on; its values are never looked at
	Valid                  // both log-probabilities are finite
	NonFinite              // in the mask, but one of the two is NaN or infinite
)

// Bounds that keep every sum finite whatever the input. They lie far outside of
// what two models can give for the same token.
const (
	MaxLogRatio = 1024 // |d| in moments
	MaxExp      = 60   // |d| in e^d; half of it in (e^d)²
	Clamp       = 20   // |d| in a bounded importance ratio, as in verl and others
)

// LogRatios writes d[t] = trainer[t] − rollout[t] where the mask (nil: all) is
// set and both are finite, 0 elsewhere, and what each token is to state. All
// slices have the length of d. It returns the number of non-finite tokens.
func LogRatios(d []float64, state []uint8, trainer, rollout []float32, mask []uint8) (nonFinite int) {
	for t := range d {
		d[t], state[t] = 0, Masked
		if mask != nil && mask[t] == 0 {
			continue
		}
		x := float64(trainer[t]) - float64(rollout[t])
		// ∞ − ∞ is NaN, and a difference of finite float32s is finite in float64.
		if x-x != 0 {
			state[t] = NonFinite
			nonFinite++
			continue
		}
		d[t], state[t] = x, Valid
	}
	return nonFinite
}

// RowSums are a row's sums over its valid tokens, each taken in the order of the
// lanes. With no valid token all are 0.
type RowSums struct {
	N, NonFinite     int
	Trainer, Rollout float64 // Σ log p
	D, D2, D4, AbsD  float64 // |d| ≤ MaxLogRatio
	MinD, MaxD       float64
	Ratio, RatioSq   float64 // w = e^d, |d| ≤ MaxExp, and w², d ≤ MaxExp/2
	BoundedRatioSq   float64 // w² with |d| ≤ Clamp
	K3, K3Sq         float64 // e^d − 1 − d with d as in w, and its square as in w²
	Over2, UnderHalf int     // w > 2, w < ½
}

// Add adds a row's tokens. d and state come from LogRatios.
func (s *RowSums) Add(d []float64, state []uint8, trainer, rollout []float32) {
	for len(d) > Chunk {
		s.addChunk(d[:Chunk], state, trainer, rollout)
		d, state, trainer, rollout = d[Chunk:], state[Chunk:], trainer[Chunk:], rollout[Chunk:]
	}
	s.addChunk(d, state, trainer, rollout)
}

// AddD adds a row's tokens to N and D alone, with the bits that Add gives them.
func (s *RowSums) AddD(d []float64, state []uint8) {
	var sum RowSum
	for t, x := range d {
		if state[t] == Valid {
			s.N++
			sum.Add(t, clamp(x, MaxLogRatio))
		}
	}
	s.D += sum.Total()
}

func (s *RowSums) addChunk(d []float64, state []uint8, trainer, rollout []float32) {
	var lt, lr, sd, sd2, sd4, sabs, sw, sw2, sb2, sk, sk2 Sum64
	for t, x := range d {
		switch state[t] {
		case Masked:
			continue
		case NonFinite:
			s.NonFinite++
			continue
		}
		i := t % Lanes
		lt[i] += float64(trainer[t])
		lr[i] += float64(rollout[t])

		x = clamp(x, MaxLogRatio)
		if s.N == 0 {
			s.MinD, s.MaxD = x, x
		}
		s.N++
		s.MinD, s.MaxD = min(s.MinD, x), max(s.MaxD, x)
		x2 := float64(x * x)
		sd[i] += x
		sd2[i] += x2
		sd4[i] += float64(x2 * x2)
		sabs[i] += math.Abs(x)

		w, k3 := ExpK3(clamp(x, MaxExp))
		if x < -MaxExp {
			k3 = w - 1 - x
		}
		wSq, k3Sq, bSq := float64(w*w), float64(k3*k3), float64(w*w)
		if x > MaxExp/2 {
			u, k := ExpK3(MaxExp / 2)
			wSq, k3Sq = float64(u*u), float64(k*k)
		}
		if math.Abs(x) > Clamp {
			u, _ := ExpK3(clamp(x, Clamp))
			bSq = float64(u * u)
		}
		sw[i] += w
		sw2[i] += wSq
		sb2[i] += bSq
		sk[i] += k3
		sk2[i] += k3Sq
		if w > 2 {
			s.Over2++
		}
		if w < 0.5 {
			s.UnderHalf++
		}
	}
	s.Trainer += lt.Fold()
	s.Rollout += lr.Fold()
	s.D += sd.Fold()
	s.D2 += sd2.Fold()
	s.D4 += sd4.Fold()
	s.AbsD += sabs.Fold()
	s.Ratio += sw.Fold()
	s.RatioSq += sw2.Fold()
	s.BoundedRatioSq += sb2.Fold()
	s.K3 += sk.Fold()
	s.K3Sq += sk2.Fold()
}

// clamp bounds |x| by c.
func clamp(x, c float64) float64 { return max(-c, min(x, c)) }

// BoundedRatio returns e^d with |d| clamped to Clamp.
func BoundedRatio(d float64) float64 {
	w, _ := ExpK3(clamp(d, Clamp))
	return w
}

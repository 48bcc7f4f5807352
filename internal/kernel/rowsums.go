package kernel

// RowSums are a row's sums over its valid tokens. The zero value is empty.
type RowSums struct {
	N, NonFinite     int
	Trainer, Rollout float64 // Σ log p
	D, D2            float64 // |d| ≤ MaxLogRatio
	MinD, MaxD       float64
	Ratio, RatioSq   float64 // w = e^d, |d| ≤ MaxExp, and w², d ≤ MaxExp/2
	K3               float64 // e^d − 1 − d with d as in w
	Bounded          BoundedSums

	// Of AddSpread.
	AbsD, D4, K3Sq   float64 // k3² with d as in w²
	Over2, UnderHalf int     // w > 2, w < ½: d beyond ±ln 2 rounded to float32
}

// BoundedSums are sums over valid tokens with |d| ≤ Clamp. The zero value is
// empty.
type BoundedSums struct {
	N                         int
	D, D2, Ratio, RatioSq, K3 float64
}

// Add adds the row's next block; all but the last have BlockLen tokens.
func (s *RowSums) Add(b *Block) {
	s.NonFinite += b.NonFinite
	if n := &b.near; n.N > 0 {
		s.widen(float64(n.least), float64(n.most))
		s.Trainer += n.trainer
		s.Rollout += n.rollout
		s.add(n.N, n.D, n.D2, n.Ratio, n.RatioSq, n.K3)
		s.Bounded.Add(&n.BoundedSums)
	}
	if b.far.n > 0 {
		f := &b.far.sums
		s.widen(f.MinD, f.MaxD)
		s.Trainer += f.Trainer
		s.Rollout += f.Rollout
		s.add(f.N, f.D, f.D2, f.Ratio, f.RatioSq, f.K3)
		s.Bounded.Add(&f.Bounded)
	}
}

// widen takes in extremes of d; it comes before they are counted in N.
func (s *RowSums) widen(least, most float64) {
	if s.N == 0 {
		s.MinD, s.MaxD = least, most
	}
	s.MinD, s.MaxD = min(s.MinD, least), max(s.MaxD, most)
}

func (s *RowSums) add(n int, d, d2, ratio, ratioSq, k3 float64) {
	s.N += n
	s.D += d
	s.D2 += d2
	s.Ratio += ratio
	s.RatioSq += ratioSq
	s.K3 += k3
}

// Bounded returns the block's sums.
func (b *Block) Bounded() BoundedSums {
	s := b.near.BoundedSums
	if b.far.n > 0 {
		s.Add(&b.far.sums.Bounded)
	}
	return s
}

// Add adds the sums of o.
func (s *BoundedSums) Add(o *BoundedSums) {
	s.N += o.N
	s.D += o.D
	s.D2 += o.D2
	s.Ratio += o.Ratio
	s.RatioSq += o.RatioSq
	s.K3 += o.K3
}

// AddToken adds token t of a block, if it is valid.
func (s *BoundedSums) AddToken(b *Block, t int) {
	if b.Invalid[t] != 0 {
		return
	}
	d, w := float64(b.D[t]), float64(b.W[t])
	s.N++
	s.D += d
	s.D2 += float64(d * d)
	s.Ratio += w
	s.RatioSq += float64(w * w)
	s.K3 += float64(b.K3[t])
}

// AddSpread adds what a block tells of the spread of d and k3, and counts its
// valid tokens in h.
func (s *RowSums) AddSpread(b *Block, h *Histogram) {
	l := spreadLanes{}
	groups := groupsOf(b.N)
	h.reserve(groups * BlockLanes)
	done := l.addFast(b, h, groups)
	l.addGeneric(b, done, groups*BlockLanes)
	h.addGeneric(b, done, groups*BlockLanes)
	h.correct(b, groups*BlockLanes)
	var sums [numSpreadSums]float64
	foldLanes(sums[:], l.sums[:])
	s.AbsD += sums[spreadAbs]
	s.D4 += sums[spreadD4]
	s.K3Sq += sums[spreadK3Sq]
	for i := range BlockLanes {
		s.Over2 += int(l.over2[i])
		s.UnderHalf += int(l.underHalf[i])
	}
	if b.far.n > 0 {
		s.AbsD += b.far.sums.AbsD
		s.D4 += b.far.sums.D4
		s.K3Sq += b.far.sums.K3Sq
	}
}

// spreadLanes are the sums of AddSpread over a block, in the order that assembly
// knows.
type spreadLanes struct {
	sums             [numSpreadSums]laneSums
	over2, underHalf [BlockLanes]uint32
}

// Sums by their place in spreadLanes.
const (
	spreadAbs = iota
	spreadD4
	spreadK3Sq
	numSpreadSums
)

// BoundedRatio returns e^d with |d| clamped to Clamp.
func BoundedRatio(d float64) float64 {
	w, _ := ExpK3(clamp(d, Clamp))
	return w
}

// clamp bounds |x| by c.
func clamp(x, c float64) float64 { return max(-c, min(x, c)) }

package kernel

import "encoding/binary"

// Bounds that keep every sum finite whatever the input. They lie far outside of
// what two models can give for the same token.
const (
	MaxLogRatio = 1024 // |d| in moments
	MaxExp      = 60   // |d| in e^d; half of it in (e^d)²
	Clamp       = 20   // |d| in a bounded importance ratio, as in verl and others
)

// BlockLen is the number of tokens that are worked on at a time: the buffers of
// a Block stay in the first-level cache.
const BlockLen = 512

// Valid marks a token that counts in Block.Valid; others have 0.
const Valid = 0xFF

// Block holds consecutive tokens of a row: their log-ratios and what is made of
// them. At a token that is not valid every value is 0.
type Block struct {
	N         int // tokens
	Count     int // valid ones
	NonFinite int // in the mask, but not finite on both sides
	// Wild says that some |d| exceeds Clamp, so that the bounds above matter.
	Wild  bool
	Valid [BlockLen]uint8
	D     [BlockLen]float64 // trainer − rollout
	W     [BlockLen]float64 // e^d, |d| ≤ MaxExp
	K3    [BlockLen]float64 // e^d − 1 − d, d ≤ MaxExp
}

// RowAcc accumulates a row's sums over its valid tokens, block by block, each in
// the order of its lanes. Reset comes first.
type RowAcc struct {
	n, nonFinite     int
	wild             bool
	over2, underHalf int
	lanes            [numRowSums]RowSum
	minD, maxD       RowSum // not sums: extremes by lane
}

// Sums by their place in RowAcc.
const (
	sumTrainer = iota
	sumRollout
	sumD
	sumAbsD
	sumD2
	sumD4
	sumW
	sumW2
	sumK3
	sumK3Sq
	sumBoundedW2
	numRowSums
)

// Load starts the block with up to BlockLen tokens: d = trainer − rollout where
// the mask (nil: all) is set and both are finite. It returns their number.
func (b *Block) Load(trainer, rollout []float32, mask []uint8) int {
	n := min(len(trainer), BlockLen)
	b.N, b.Count, b.NonFinite, b.Wild = n, 0, 0, false
	if mask != nil {
		mask = mask[:n]
	}
	from := b.loadFast(trainer[:n], rollout[:n], mask)
	b.loadGeneric(from, trainer[:n], rollout[:n], mask)
	return n
}

// Keep sets keep[t] to 1 where token t is valid and to 0 elsewhere.
func (b *Block) Keep(keep []uint8) {
	t := 0
	for ; t+8 <= len(keep); t += 8 {
		v := binary.NativeEndian.Uint64(b.Valid[t:])
		binary.NativeEndian.PutUint64(keep[t:], v&0x0101010101010101)
	}
	for ; t < len(keep); t++ {
		keep[t] = b.Valid[t] & 1
	}
}

// Exp computes W and K3.
func (b *Block) Exp() {
	if b.Wild {
		b.expWild()
		return
	}
	b.expGeneric(b.expFast())
}

// Reset starts a row.
func (a *RowAcc) Reset() {
	*a = RowAcc{}
	for i := range a.minD {
		a.minD[i], a.maxD[i] = MaxLogRatio, -MaxLogRatio
	}
}

// Add adds the row's next block; all but the last have BlockLen tokens. trainer
// and rollout are those given to Load.
func (a *RowAcc) Add(b *Block, trainer, rollout []float32) {
	a.n += b.Count
	a.nonFinite += b.NonFinite
	if b.Wild {
		a.wild = true
		a.addWild(b, trainer, rollout)
		return
	}
	a.addGeneric(b, a.addFast(b, trainer, rollout), trainer, rollout)
}

// RowSums are a row's sums over its valid tokens. With no valid token all are 0.
type RowSums struct {
	N, NonFinite     int
	Wild             bool    // some |d| exceeds Clamp
	Trainer, Rollout float64 // Σ log p
	D, D2, D4, AbsD  float64 // |d| ≤ MaxLogRatio
	MinD, MaxD       float64
	Ratio, RatioSq   float64 // w = e^d, |d| ≤ MaxExp, and w², d ≤ MaxExp/2
	BoundedRatioSq   float64 // w² with |d| ≤ Clamp
	K3, K3Sq         float64 // e^d − 1 − d with d as in w, and its square as in w²
	Over2, UnderHalf int     // w > 2, w < ½
}

// Sums returns the row's sums.
func (a *RowAcc) Sums() RowSums {
	s := RowSums{N: a.n, NonFinite: a.nonFinite, Wild: a.wild, Over2: a.over2, UnderHalf: a.underHalf}
	if a.n == 0 {
		return s
	}
	s.MinD, s.MaxD = a.minD[0], a.maxD[0]
	for i := range RowLanes {
		s.MinD, s.MaxD = min(s.MinD, a.minD[i]), max(s.MaxD, a.maxD[i])
	}
	for k, dst := range [numRowSums]*float64{
		sumTrainer: &s.Trainer, sumRollout: &s.Rollout,
		sumD: &s.D, sumAbsD: &s.AbsD, sumD2: &s.D2, sumD4: &s.D4,
		sumW: &s.Ratio, sumW2: &s.RatioSq, sumK3: &s.K3, sumK3Sq: &s.K3Sq,
		sumBoundedW2: &s.BoundedRatioSq,
	} {
		*dst = a.lanes[k].Total()
	}
	return s
}

// BoundedRatio returns e^d with |d| clamped to Clamp.
func BoundedRatio(d float64) float64 {
	w, _ := ExpK3(clamp(d, Clamp))
	return w
}

// clamp bounds |x| by c.
func clamp(x, c float64) float64 { return max(-c, min(x, c)) }

package kernel

import (
	"math"
	"unsafe"
)

//go:generate env GOWORK=off go -C _asm run ./divergence -out ../zdivergence_amd64.s -stubs ../zdivergence_amd64.go -pkg kernel
//go:generate env GOWORK=off go -C _asm run ./arm64/divergence -out ../zdivergence_arm64.s -stubs ../zdivergence_arm64.go -pkg kernel

// MaxScaled bounds the logits of a pair of rows, times the inverse temperature:
// one below -MaxScaled counts as -Inf, one above MaxScaled is a fault.
const MaxScaled = 1 << 30

// pairBlock is the number of pairs that are summed at once, pairRows terms for
// each lane: in float32, and the sums are added to the lane's in float64.
const (
	pairRows  = 16
	pairBlock = pairRows * Lanes
)

// PairSums are sums over pairs of logits x and y of two rows, with
//
//	p = e^(a·x − logP)         of the first row
//	δ = a·(y − x) − shift      = ln(q/p), q of the second row
//	e = e^δ − 1                = (q − p)/p
//
// They become divergences by dividing by Mass and by 1 + Net/Mass what remains
// of the references logP and shift: those need not be exact.
type PairSums struct {
	Mass    float64 // Σ p
	Signed  float64 // Σ ±p, with the sign of δ
	Net     float64 // Σ p·e
	Gross   float64 // Σ p·|e|
	KL      float64 // Σ p·(e − δ)
	Reverse float64 // Σ p·(δ·e − (e − δ)) = Σ q·δ − p·e
	Square  float64 // Σ p·e²
}

// PairScale is what turns logits into p and δ.
type PairScale struct {
	logP, shift float64 // of float32, unless exact
	// The same in float32, and the number below which a logit counts as it.
	invTemp, logP32, shift32, lowest float32
	exact                            bool // float32 is too coarse for the references
}

// NewPairScale returns the scale for rows of log-sum-exps logP and logQ, which
// are finite, and an inverse temperature a, 2⁻⁶⁴ ≤ a ≤ 2⁶⁴.
func NewPairScale(a float32, logP, logQ float64) PairScale {
	s := PairScale{logP: logP, shift: logQ - logP, invTemp: a, lowest: -2 * MaxScaled / a}
	const fine = 1 << 14 // float32 has 2⁻¹⁰ there
	if s.exact = max(math.Abs(s.logP), math.Abs(s.shift)) >= fine; !s.exact {
		s.logP32, s.shift32 = float32(s.logP), float32(s.shift)
		s.logP, s.shift = float64(s.logP32), float64(s.shift32)
	}
	return s
}

// PairChunk returns the sums over at most Chunk pairs of logits, as many of x as
// of y, float32 or BF16, of which none is NaN or above MaxScaled. A pair of which
// both are -Inf adds 0. With x alone -Inf Reverse and Square are +Inf, with y
// alone KL is.
//
// Terms are float32, each within a few ulps of its own, so that small sums keep
// their digits; and float64 in a block of which any |δ| exceeds 24. Otherwise a p
// below e^−88 counts as 0.
func PairChunk[X, Y float32 | ~uint16](x []X, y []Y, s *PairScale) PairSums {
	var lanes pairLanes
	var bufX, bufY [pairBlock]float32
	for i := 0; i < len(x); i += pairBlock {
		lanes.add(pairBlockOf(&bufX, x[i:]), pairBlockOf(&bufY, y[i:]), s)
	}
	return PairSums{
		Mass:    lanes[sumMass].fold(),
		Signed:  lanes[sumSigned].fold(),
		Net:     lanes[sumNet].fold(),
		Gross:   lanes[sumGross].fold(),
		KL:      lanes[sumKL].fold(),
		Reverse: lanes[sumReverse].fold(),
		Square:  lanes[sumSquare].fold(),
	}
}

// pairBlockOf returns the values of the first block of x, filled up with -Inf: x
// itself, where it holds them, or else buf.
func pairBlockOf[T float32 | ~uint16](buf *[pairBlock]float32, x []T) *[pairBlock]float32 {
	n := min(len(x), pairBlock)
	if floats, ok := any(x).([]float32); !ok {
		DecodeBF16(buf[:n], unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(x))), n))
	} else if n == pairBlock {
		return (*[pairBlock]float32)(floats)
	} else {
		copy(buf[:], floats)
	}
	for i := n; i < pairBlock; i++ {
		buf[i] = negInf32
	}
	return buf
}

// The sums of PairSums, in order.
const (
	sumMass = iota
	sumSigned
	sumNet
	sumGross
	sumKL
	sumReverse
	sumSquare
	pairTerms
)

// pairLanes hold the sums of each lane.
type pairLanes [pairTerms]laneSum

// pairBlockSums are those of a block.
type pairBlockSums [pairTerms][Lanes]float32

// farBits are the bits of the largest |δ| that float32 takes: with p ≥ e^−88,
// what p·e² loses of a smaller p is below e^−40.
const farBits = 0x41C00000 // 24

func (l *pairLanes) add(x, y *[pairBlock]float32, s *PairScale) {
	if s.exact || !l.addNear(x, y, s) {
		l.addFar(x, y, s)
	}
}

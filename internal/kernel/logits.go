package kernel

import "math"

//go:generate env GOWORK=off go -C _asm run ./logits -out ../zlogits_amd64.s -stubs ../zlogits_amd64.go -pkg kernel
//go:generate env GOWORK=off go -C _asm run ./arm64/logits -out ../zlogits_arm64.s -stubs ../zlogits_arm64.go -pkg kernel

// logitBlock is the number of logits that are summed at once: logitRows float32
// terms for each lane, whose sum is added to the lane's in float64.
const (
	logitRows  = 16
	logitBlock = logitRows * Lanes
)

// LogitSums are the sums of a chunk of logits x with an inverse temperature a.
type LogitSums struct {
	Max      float32 // of x
	Sum      float64 // Σ e^(a·(x−Max))
	Weighted float64 // Σ (x−Max)·e^(a·(x−Max))
}

// LogitChunk returns the sums of at most Chunk logits. The exponentials are
// those of Exp32, rounded to float32, except that a·(x−Max) below −87 counts as
// −87: with a Sum of at least 1, that is below the last place of float64. The
// logits are filled up with -Inf to a whole block, so that each of those adds
// e^−87 as well.
//
// If x holds NaN or +Inf, Weighted is NaN and the rest unspecified. If x is
// empty or -Inf throughout, the sums are 0 and Max is -Inf. 2⁻⁶⁴ ≤ a ≤ 2⁶⁴.
func LogitChunk(x []float32, a float32) LogitSums {
	whole := len(x) &^ (logitBlock - 1)
	var tail [logitBlock]float32
	padded := tail[:0]
	if whole < len(x) {
		padded = tail[:]
		for i := copy(padded, x[whole:]); i < logitBlock; i++ {
			padded[i] = negInf32
		}
	}
	x = x[:whole]

	s := newLogitSum(max(maxLogit(x), maxLogit(padded)), a)
	s.add(x)
	s.add(padded)
	return s.result()
}

// LogitChunkBF16 is LogitChunk of the float32 values of BF16 bits: the same bits.
func LogitChunkBF16(x []uint16, a float32) LogitSums {
	whole := len(x) &^ (logitBlock - 1)
	var tail [logitBlock]uint16
	padded := tail[:0]
	if whole < len(x) {
		padded = tail[:]
		for i := copy(padded, x[whole:]); i < logitBlock; i++ {
			padded[i] = negInfBF16
		}
	}
	x = x[:whole]

	s := newLogitSum(max(maxLogitBF16(x), maxLogitBF16(padded)), a)
	s.addBF16(x)
	s.addBF16(padded)
	return s.result()
}

const negInfBF16 = 0xFF80

var negInf32 = float32(math.Inf(-1))

// maxLogit returns the largest of whole blocks, -Inf if there is none and an
// unspecified value if there is a NaN.
func maxLogit(x []float32) float32 {
	m, n := maxLogitFast(x)
	return max(m, maxLogitGeneric(x[n:]))
}

func maxLogitBF16(x []uint16) float32 {
	m, n := maxLogitBF16Fast(x)
	return max(m, maxLogitBF16Generic(x[n:]))
}

// logitSum adds up the terms of a chunk.
type logitSum struct {
	max   float32
	terms logitTerms
	lanes logitLanes
}

// logitTerms says what a term e^(scale·d), d = x + offset, is.
type logitTerms struct {
	offset float32
	scale  float32
	steps  float32 // stepsPerUnit·scale
	floor  float32 // of d
}

// logitLanes hold Σ e^(scale·d) and Σ d·e^(scale·d).
type logitLanes struct{ sum, weighted laneSum }

// laneSum holds the sums of the lanes.
type laneSum [Lanes]float64

// fold returns the sum over the lanes, added by halves.
func (s *laneSum) fold() float64 {
	var a [Lanes / 4]float64
	for i := range a {
		a[i] = (s[i] + s[i+16]) + (s[i+8] + s[i+24])
	}
	b0, b1, b2, b3 := a[0]+a[4], a[1]+a[5], a[2]+a[6], a[3]+a[7]
	return (b0 + b2) + (b1 + b3)
}

func newLogitSum(largest, scale float32) logitSum {
	if largest == 0 {
		largest = 0 // not −0
	}
	offset := -largest
	if largest < -math.MaxFloat32 {
		offset = 0 // -Inf + Inf would be NaN
	}
	return logitSum{
		max: largest,
		terms: logitTerms{
			offset: offset,
			scale:  scale,
			steps:  float32(scale * stepsPerUnit),
			floor:  exp32Min / scale,
		},
	}
}

// add adds whole blocks.
func (s *logitSum) add(x []float32) {
	n := addLogitsFast(&s.lanes, x, &s.terms)
	addLogitsGeneric(&s.lanes, x[n:], &s.terms)
}

func (s *logitSum) addBF16(x []uint16) {
	n := addLogitsBF16Fast(&s.lanes, x, &s.terms)
	addLogitsBF16Generic(&s.lanes, x[n:], &s.terms)
}

func (s *logitSum) result() LogitSums {
	weighted := s.lanes.weighted.fold()
	if s.max < -math.MaxFloat32 && weighted == weighted {
		return LogitSums{Max: s.max}
	}
	return LogitSums{Max: s.max, Sum: s.lanes.sum.fold(), Weighted: weighted}
}

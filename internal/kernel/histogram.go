package kernel

import "math"

// A histogram of d has bins of |d| that grow with it: 16 to an octave from
// 2⁻²⁴ to 2⁶, one below and one above, and all of that for either sign.
const (
	histPerOctave = 16
	histLow       = -24 // exponent at which the bins begin
	histHigh      = 6
	// HistSide is the number of bins of one sign: the first for |d| below 2⁻²⁴,
	// the last for |d| of 2⁶ and above.
	HistSide = (histHigh-histLow)*histPerOctave + 2
)

// Histogram counts log-ratios: from 0 on positive ones and zero by bin, from
// HistSide on negative ones.
type Histogram struct {
	// recent counts one token in four in each of a bin's counters, so that equal
	// neighbours do not wait for one another; counts go on to total before pending,
	// the number of tokens in it, gets too large for them.
	recent  [histLen][histTurns]uint32
	pending int
	total   [histLen]int64
}

const (
	histLen   = 1024
	histBase  = (127+histLow)*histPerOctave - 1
	histTurns = 4
)

// Bin returns the count of a bin.
func (h *Histogram) Bin(i int) int64 {
	r := &h.recent[i]
	return h.total[i] + int64(r[0]) + int64(r[1]) + int64(r[2]) + int64(r[3])
}

// Merge adds the counts of o.
func (h *Histogram) Merge(o *Histogram) {
	h.reserve(o.pending)
	for i := range h.total {
		h.total[i] += o.total[i]
		for k, n := range o.recent[i] {
			h.recent[i][k] += n
		}
	}
}

// addGeneric counts the block's tokens from up to to; reserve comes before it.
func (h *Histogram) addGeneric(b *Block, from, to int) {
	for t := from; t < to; t++ {
		h.recent[histBin(b.D[t])][t%histTurns]++
	}
}

// correct puts right what a block of n tokens counted wrong: those not valid, as
// 0, and those that are far, as if clamped.
func (h *Histogram) correct(b *Block, n int) {
	h.total[0] -= int64(n - b.Count)
	for _, d := range b.far.d[:b.far.n] {
		h.total[histBin(max(-Clamp, min(d, Clamp)))]--
		h.total[histBin(d)]++
	}
}

// reserve makes room in recent for n tokens.
func (h *Histogram) reserve(n int) {
	const most = math.MaxInt32
	if h.pending > most-n {
		for i := range h.total {
			h.total[i] = h.Bin(i)
		}
		clear(h.recent[:])
		h.pending = 0
	}
	h.pending += n
}

// histBin returns the bin of d, which is not NaN. The bits of a float32 count
// sixteenths of an octave above their lowest 19.
func histBin(d float32) uint16 {
	bits := math.Float32bits(d)
	i := max(0, min(int(bits<<1>>20)-histBase, HistSide-1))
	return uint16(i + int(bits>>31)*HistSide)
}

// HistEdge returns the least |d| of a bin of one sign.
func HistEdge(bin int) float64 {
	if bin == 0 {
		return 0
	}
	return float64(math.Float32frombits(uint32(bin+histBase) << 19))
}

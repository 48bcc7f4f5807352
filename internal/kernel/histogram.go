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
// HistSide on negative ones. Counts are kept twice, for every other token, so
// that equal neighbours do not wait for one another.
type Histogram [2][histLen]int64

const (
	histLen  = 1024
	histBase = (127+histLow)*histPerOctave - 1
)

// Bin returns the count of a bin.
func (h *Histogram) Bin(i int) int64 { return h[0][i] + h[1][i] }

// Merge adds the counts of o.
func (h *Histogram) Merge(o *Histogram) {
	for k := range h {
		for i, n := range o[k] {
			h[k][i] += n
		}
	}
}

// Add counts the block's valid tokens.
func (h *Histogram) Add(b *Block) {
	n := groupsOf(b.N) * BlockLanes
	if !h.addFast(b, n) {
		for t, d := range b.D[:n] {
			h[t%2][histBin(d)]++
		}
	}
	h[0][0] -= int64(n - b.Count) // those not valid count as 0 so far
	for _, d := range b.far.d[:b.far.n] {
		h[0][histBin(max(-Clamp, min(d, Clamp)))]--
		h[0][histBin(d)]++
	}
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

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
// HistSide on negative ones; beyond that, counts of no meaning.
type Histogram [1024]int64

const (
	histBase = (1023+histLow)*histPerOctave - 1
	histNone = 2 * HistSide // where tokens go that are not valid
)

// Add counts the block's valid tokens.
func (h *Histogram) Add(b *Block) {
	var bin [BlockLen]uint64
	for t := binsFast(&bin, b); t < b.N; t++ {
		bin[t] = histNone
		if b.Valid[t] != 0 {
			bin[t] = histBin(b.D[t])
		}
	}
	for _, i := range bin[:b.N] {
		h[i%uint64(len(h))]++
	}
}

// histBin returns the bin of d, which is not NaN. The bits of a float64 count
// sixteenths of an octave above their lowest 48.
func histBin(d float64) uint64 {
	bits := math.Float64bits(d)
	i := max(0, min(int(bits<<1>>49)-histBase, HistSide-1))
	return uint64(i) + bits>>63*HistSide
}

// HistEdge returns the least |d| of a bin of one sign.
func HistEdge(bin int) float64 {
	if bin == 0 {
		return 0
	}
	return math.Float64frombits(uint64(bin+histBase) << 48)
}

package kernel

// FMA32 lets tests compare it with exact arithmetic.
var FMA32 = fma32

// LogitBlock is the number of logits that a kernel adds at once.
const LogitBlock = logitBlock

// LogitLanes are the sums of the lanes, before they are folded.
type LogitLanes = logitLanes

// MaxLogit and MaxLogitBF16 take whole blocks.
var (
	MaxLogit     = maxLogit
	MaxLogitBF16 = maxLogitBF16
)

// AddLogits adds the terms of whole blocks to lanes.
func AddLogits(lanes *LogitLanes, x []float32, shift, scale float32) {
	s := newLogitSum(shift, scale)
	s.lanes = *lanes
	s.add(x)
	*lanes = s.lanes
}

// AddLogitsBF16 is AddLogits of the float32 values of BF16 bits.
func AddLogitsBF16(lanes *LogitLanes, x []uint16, shift, scale float32) {
	s := newLogitSum(shift, scale)
	s.lanes = *lanes
	s.addBF16(x)
	*lanes = s.lanes
}

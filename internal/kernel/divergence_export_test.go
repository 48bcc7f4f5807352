package kernel

// PairBlock is the number of pairs that a kernel adds at once.
const PairBlock = pairBlock

// PairLanes are the sums of the lanes, before they are folded.
type PairLanes = pairLanes

// AddPairs adds a block to lanes, and reports whether float32 took it.
func AddPairs(lanes *PairLanes, x, y *[PairBlock]float32, s *PairScale) bool {
	return lanes.addNear(x, y, s)
}

// AddPairsGeneric is the generic twin of AddPairs.
func AddPairsGeneric(lanes *PairLanes, x, y *[PairBlock]float32, s *PairScale) bool {
	return lanes.addNearGeneric(x, y, s)
}

// ExpParts32 lets tests compare it with float64.
var ExpParts32 = expParts32

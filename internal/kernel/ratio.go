package kernel

//go:generate env GOWORK=off go -C _asm run ./arm64/ratio -out ../zratio_arm64.s -stubs ../zratio_arm64.go -pkg kernel

// Bounds that keep every sum finite whatever the input. They lie far outside of
// what two models can give for the same token.
const (
	MaxLogRatio = 1024 // |d| in moments
	MaxExp      = 60   // |d| in e^d; half of it in (e^d)²
	Clamp       = 20   // |d| in a bounded importance ratio, as in verl and others
)

const (
	// BlockLen is the number of tokens that are worked on at a time: a Block stays
	// in the first-level cache.
	BlockLen = 512
	// BlockLanes is the order of a block's float32 sums over tokens: token t goes to
	// lane t mod BlockLanes, and the lanes are folded by halves, in float64, at the
	// end of the block. Kernels work on whole groups of as many tokens.
	BlockLanes = 16
	// groupPair is what a block is padded to, so that kernels can take two groups at
	// a time.
	groupPair = 2 * BlockLanes
)

// Block holds consecutive tokens of a row: their log-ratios, what is made of
// them, and its sums. All that is of one token is float32.
//
// A token is valid if it is in the mask and d is finite, where d is the float32
// nearest to trainer − rollout. At other tokens, and from N on to the end of a
// pair of groups, D, W and K3 are 0; W is 0 nowhere else.
type Block struct {
	N         int               // tokens
	Count     int               // valid ones
	NonFinite int               // in the mask, but d is not finite
	Invalid   [BlockLen]uint8   // 0 where a token is valid, else 0xFF
	D         [BlockLen]float32 // |d| ≤ Clamp
	W         [BlockLen]float32 // e^D within 0.63 ulp
	K3        [BlockLen]float32 // e^D − 1 − D within 1e-6 of its value

	lanes ratioLanes
	near  blockSums // of the lanes
	far   farTokens
}

// ratioLanes are the float32 sums of a block in the order that assembly knows.
type ratioLanes struct {
	sums        [numRatioSums]laneSums
	least, most laneSums // not sums: extremes of d by lane
}

type laneSums [BlockLanes]float32

// Sums by their place in ratioLanes. With e = k3 + d = w − 1, the sums of w and
// w² follow from those of d, k3 and e², without the rounding of a sum of ones.
const (
	sumTrainer = iota
	sumTrainerRest
	sumRollout
	sumRolloutRest
	sumD2
	sumE2
	sumK3
	numRatioSums
)

// laneBias is where a lane of log-probabilities starts. Being larger than any of
// them, it makes what an addition rounds off known exactly: with s' = s + x
// that is x − (s' − s), and goes into a sum of its own.
const laneBias = -64

// freshLanes is how a block starts.
var freshLanes = func() (l ratioLanes) {
	for i := range BlockLanes {
		l.sums[sumTrainer][i], l.sums[sumRollout][i] = laneBias, laneBias
		l.least[i], l.most[i] = MaxLogRatio, -MaxLogRatio
	}
	return l
}()

// Load makes a block of up to BlockLen tokens and returns their number. A nil
// mask holds all of them.
func (b *Block) Load(trainer, rollout []float32, mask []uint8) int {
	n := min(len(trainer), BlockLen)
	trainer, rollout = trainer[:n], rollout[:n]
	if mask == nil {
		mask = ones[:]
	}
	mask = mask[:n]
	b.N, b.NonFinite, b.far.n = n, 0, 0
	b.load(trainer, rollout, mask)
	if !b.near.usual() {
		b.loadUnusual(trainer, rollout, mask)
	}
	return n
}

// ones is a mask that holds every token.
var ones = func() (m [BlockLen]uint8) {
	for t := range m {
		m[t] = 1
	}
	return m
}()

// load takes all tokens of the mask for finite and near.
func (b *Block) load(trainer, rollout []float32, mask []uint8) {
	n, groups := len(trainer), groupsOf(len(trainer))
	b.Count = setInvalid(b.Invalid[:groups*BlockLanes], mask)
	b.lanes = freshLanes
	whole := n &^ (groupPair - 1)
	b.logRatios(0, trainer, rollout, whole/BlockLanes)
	if whole < n {
		var t, r [groupPair]float32
		copy(t[:], trainer[whole:])
		copy(r[:], rollout[whole:])
		b.logRatios(whole, t[:], r[:], len(t)/BlockLanes)
	}
	b.exponentials(trainer, rollout, groups)
	b.fold(groups)
}

// groupsOf returns how many groups n tokens take, an even number.
func groupsOf(n int) int { return (n + groupPair - 1) / groupPair * 2 }

// logRatios makes D of whole groups, the first of their tokens being token at,
// and adds what does not need exponentials.
func (b *Block) logRatios(at int, trainer, rollout []float32, groups int) {
	done := b.logRatiosFast(at, trainer, rollout, groups)
	b.logRatiosGeneric(at, trainer, rollout, done, groups*BlockLanes)
}

// exponentials makes W and K3 of D, which was made of trainer and rollout, and
// adds them.
func (b *Block) exponentials(trainer, rollout []float32, groups int) {
	done := b.exponentialsFast(trainer, rollout, groups)
	b.exponentialsGeneric(done, groups*BlockLanes)
}

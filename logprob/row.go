package logprob

import (
	"math"

	"github.com/trueup-rl/trueup/bf16"
	"github.com/trueup-rl/trueup/internal/kernel"
)

// Logit is a type of logits.
type Logit interface {
	float32 | bf16.BF16
}

// Row is what a row of logits gives for a chosen token. LogProb is at most 0,
// Entropy at least 0.
type Row struct {
	LogProb   float64 // of the token
	LogSumExp float64
	Entropy   float64
	// NonFinite counts the logits that are NaN, +Inf or beyond 2³⁰ after
	// scaling. With any, the figures are NaN.
	NonFinite int
}

// Of returns the figures of a whole row. It panics if token is not an index of
// logits.
func Of[L Logit](logits []L, token int, invTemp float32) Row {
	if uint(token) >= uint(len(logits)) {
		panic(badToken)
	}
	p := PartialOf(logits, 0, token, invTemp)
	return p.Row()
}

// maxScaled bounds the scaled logits z = invTemp·x: below −maxScaled they count
// as -Inf, above it as faults.
const maxScaled = kernel.MaxScaled

// Bounds of the inverse temperature, within which no product leaves float32
// where it matters.
const (
	minInvTemp = 0x1p-64
	maxInvTemp = 0x1p64
)

const (
	badToken   = "logprob: token outside of the row"
	badInvTemp = "logprob: inverse temperature outside of 2^-64 … 2^64"
)

func checkInvTemp(a float32) {
	if !(a >= minInvTemp && a <= maxInvTemp) {
		panic(badInvTemp)
	}
}

// scaled returns z = a·x, exactly, with -Inf for what counts as that. A fault,
// NaN or a z above maxScaled, is returned as NaN.
func scaled[L Logit](x L, a float32) float64 {
	z := float64(float64(value(x)) * float64(a))
	switch {
	case z < -maxScaled:
		return math.Inf(-1)
	case z <= maxScaled:
		return z
	}
	return math.NaN()
}

// value returns x as float32, exactly.
func value[L Logit](x L) float32 {
	switch x := any(x).(type) {
	case bf16.BF16:
		return x.Float32()
	case float32:
		return x
	}
	panic("unreachable")
}

// chunkSums returns the sums of at most kernel.Chunk logits.
func chunkSums[L Logit](x []L, a float32) kernel.LogitSums {
	switch x := any(x).(type) {
	case []bf16.BF16:
		return kernel.LogitChunkBF16(kernel.Words(x), a)
	case []float32:
		return kernel.LogitChunk(x, a)
	}
	panic("unreachable")
}

package plan

import "fmt"

// Turns describe trajectories that alternate between the engine and an
// environment: a prompt of P tokens, then T turns, each of which generates o
// tokens and all but the last of which are answered with a.
type Turns struct {
	Turns         float64 `json:"turns"`           // E[T]
	SquaredTurns  float64 `json:"squared_turns"`   // E[T²]; 0 is Turns², all alike
	PromptTokens  float64 `json:"prompt_tokens"`   // P
	TurnInTokens  float64 `json:"turn_in_tokens"`  // a
	TurnOutTokens float64 `json:"turn_out_tokens"` // o
	// PromptShare is how many trajectories share what is computed for a prompt; 0
	// is 1.
	PromptShare float64 `json:"prompt_share"`

	DecodeRate  float64 `json:"decode_rate"`  // tokens per second and GPU, without prefill
	PrefillRate float64 `json:"prefill_rate"` // tokens per second and GPU, without decoding
}

// Check returns an error that names the field that is impossible, and wraps
// ErrInput.
func (t *Turns) Check() error {
	for _, f := range []struct {
		name        string
		value, from float64
	}{
		{"Turns", t.Turns, 1},
		{"SquaredTurns", t.SquaredTurns, 0},
		{"PromptTokens", t.PromptTokens, 0},
		{"TurnInTokens", t.TurnInTokens, 0},
		{"TurnOutTokens", t.TurnOutTokens, 1e-9},
		{"PromptShare", t.PromptShare, 0},
		{"DecodeRate", t.DecodeRate, 1e-9},
		{"PrefillRate", t.PrefillRate, 1e-9},
	} {
		if !(f.value >= f.from && f.value <= 1e12) {
			return fmt.Errorf("%w: Turns.%s is %v, not between %v and 1e12", ErrInput, f.name, f.value, f.from)
		}
	}
	if t.SquaredTurns > 0 && t.SquaredTurns < float64(t.Turns*t.Turns) {
		return fmt.Errorf("%w: Turns.SquaredTurns is %v, less than the square of the mean %v", ErrInput, t.SquaredTurns, t.Turns)
	}
	return nil
}

// InOut returns the input tokens for one output token, each counted once:
// (P/share + (T−1)·a) / (T·o). It is what the trainer pays for, and the engine
// where every prefix is reused.
func (t *Turns) InOut() float64 {
	input := t.PromptTokens/max(1, t.PromptShare) + float64((t.Turns-1)*t.TurnInTokens)
	return input / float64(t.Turns*t.TurnOutTokens)
}

// Reprefill returns the tokens that are prefilled once more for one output token,
// if a share hit of the prefixes is still there when a turn begins:
// (1−hit)·((T−1)·P + ½(E[T²]−T)·(a+o)) / (T·o), where all that a turn begins with
// counts as its prefix. It grows with T.
func (t *Turns) Reprefill(hit float64) float64 {
	square := t.SquaredTurns
	if square == 0 {
		square = float64(t.Turns * t.Turns)
	}
	prefixes := float64((t.Turns-1)*t.PromptTokens) + float64((square-t.Turns)*(t.TurnInTokens+t.TurnOutTokens))/2
	return (1 - hit) * prefixes / float64(t.Turns*t.TurnOutTokens)
}

// RolloutRate returns the output tokens per second and GPU of an engine that finds
// a share hit of the prefixes: 1/(1/decode + (InOut+Reprefill)/prefill).
func (t *Turns) RolloutRate(hit float64) float64 {
	return 1 / (1/t.DecodeRate + (t.InOut()+t.Reprefill(hit))/t.PrefillRate)
}

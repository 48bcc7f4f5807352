// Package rollouts reads batches of rollouts from files as a stream of rows.
//
// A row is one trajectory: the log-probabilities that the rollout policy and
// the trainer gave to the same tokens, a mask, and the labels that group rows.
// Files are Parquet or JSON Lines with the same field names:
//
//	field                 type                              when absent or null
//	prompt_id             string or integer                 no group
//	precision             string                            "rollout"
//	loss_mask             list of bool, or of 0 and 1       every token counts
//	rollout_logprob       list of float                     error
//	the trainer column    list of float                     error; null rows allowed
//	exact_kl_rt, …        list of float                     none
//
// Other fields are ignored. The lists of a row have one length; an empty
// trainer or exact list stands for none. A null inside a list of floats, and
// JSON's NaN, Infinity and -Infinity as Python writes them, reach the caller
// as NaN and ±Inf: whoever computes with the values decides what they mean.
//
// Memory is bounded by one page per column of a Parquet file and by one line
// of JSON, whatever the size of the file.
package rollouts

// DefaultPrecision labels the rows of a file that has no precision field.
const DefaultPrecision = "rollout"

// maxTokens bounds the length of a row, so that a corrupt count is an error
// and not an allocation.
const maxTokens = 1 << 26

// Row is one trajectory. The slices are valid until the Row is next filled.
type Row struct {
	File  string // where the row came from
	Index int64  // its place in File, from 0

	Prompt    string // the group, "" for none
	Precision string

	Mask             []uint8   // 1 where the rollout policy sampled the token, else 0
	Rollout, Trainer []float32 // nats; values in float64 are rounded to float32
	HasTrainer       bool      // false where the trainer column holds no list

	Exact [NumExact][]float32 // by Exact; of length 0 where there is none
}

// Exact names a per-token quantity computed over the whole vocabulary.
type Exact int

// The exact columns. All but ExactKLRTF32 take the BF16 trainer.
const (
	ExactKLRT     Exact = iota // KL(rollout‖trainer)
	ExactKLTR                  // KL(trainer‖rollout)
	ExactChi2                  // Σ trainer²/rollout − 1
	ExactTV                    // half the L1 distance
	ExactTIS2Mean              // Σ min(trainer, 2·rollout)
	ExactKLRTF32               // KL(rollout‖float32 trainer)
	NumExact      int   = iota
)

var exactColumns = [NumExact]string{
	ExactKLRT:     "exact_kl_rt",
	ExactKLTR:     "exact_kl_tr",
	ExactChi2:     "exact_chi2",
	ExactTV:       "exact_tv",
	ExactTIS2Mean: "exact_tis2_mean",
	ExactKLRTF32:  "exact_kl_rt_f32",
}

// String returns the name of the column.
func (e Exact) String() string { return exactColumns[e] }

const (
	promptColumn    = "prompt_id"
	precisionColumn = "precision"
	maskColumn      = "loss_mask"
	rolloutColumn   = "rollout_logprob"
)

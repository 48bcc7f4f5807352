// Package report measures rollouts row by row and renders what it found as
// text, JSON or HTML.
package report

import (
	"encoding/json"
	"io"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/diagnose"
)

// Report is what the command found.
type Report struct {
	Source     string      `json:"source"`
	Trainer    string      `json:"trainer"`
	NonFinite  string      `json:"nonfinite"` // what becomes of non-finite tokens
	Notes      []string    `json:"notes"`
	Precisions []Precision `json:"precisions"`
}

// Precision is the part of a report about one rollout precision. With d =
// trainer − rollout log-probability and w = e^d, means are over tokens of the
// mask with finite values; ± figures are population standard deviations over √n.
// A pointer is nil, null in JSON, where there is nothing to compute it from.
type Precision struct {
	Precision string `json:"precision"`
	Rows      int64  `json:"rows"`
	Tokens    int64  `json:"tokens"`
	Prompts   int    `json:"prompts"`
	// EmptyRows have no usable token; WithoutTrainer rows were left out since
	// the trainer's column is empty there; NonFinite tokens are in the mask.
	EmptyRows      int64 `json:"empty_rows"`
	WithoutTrainer int64 `json:"rows_without_trainer"`
	NonFinite      int64 `json:"nonfinite_tokens"`

	K1          float64  `json:"k1"`
	K1SE        float64  `json:"k1_se"`
	K1SECluster *float64 `json:"k1_se_cluster"`
	K2          float64  `json:"k2"`
	K2SE        float64  `json:"k2_se"`
	K2SECluster *float64 `json:"k2_se_cluster"`
	K3          float64  `json:"k3"`
	K3SE        float64  `json:"k3_se"`
	K3SECluster *float64 `json:"k3_se_cluster"`

	MeanAbs   float64 `json:"mean_abs_dlogp"`
	MaxAbs    float64 `json:"max_abs_dlogp"`
	MeanRatio float64 `json:"mean_w"`
	Chi2      float64 `json:"chi2_mc"`
	ESSToken  float64 `json:"ess_token"`
	ESSSeq    float64 `json:"ess_seq"`
	Over2     float64 `json:"over2"`
	UnderHalf float64 `json:"under_half"`

	// Means of the file's exact columns over the mask.
	ExactKLRT     *float64 `json:"kl_rt"`
	ExactKLTR     *float64 `json:"kl_tr"`
	ExactChi2     *float64 `json:"chi2"`
	ExactTV       *float64 `json:"tv"`
	ExactTIS2Loss *float64 `json:"tis2_loss"` // probability mass that truncation at 2 loses

	// Findings and Thresholds rest on the first rows if Partial; there are no
	// candidates where there is a finding.
	Partial    bool               `json:"partial"`
	Probed     int                `json:"probed_rows"`
	Findings   []diagnose.Finding `json:"findings"`
	Thresholds Thresholds         `json:"thresholds"`

	Corrections []Correction     `json:"corrections"`
	Verdict     diagnose.Verdict `json:"verdict"`
}

// Correction is what a policy leaves of the rollouts. Shares are of tokens, or
// rows, that have finite values.
type Correction struct {
	Policy       correction.Policy `json:"policy"`
	KeptTokens   float64           `json:"kept_tokens"`
	KeptRows     float64           `json:"kept_rows"`     // rows with a kept token
	RejectedRows float64           `json:"rejected_rows"` // rows that lost a token to a filter
	Clipped      float64           `json:"clipped"`       // tokens whose weight the rule bounds or zeroes
	MeanWeight   float64           `json:"mean_weight"`   // a rejected token weighs 0
	ESS          float64           `json:"ess"`
}

// WriteJSON writes the report as indented JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// Order returns the names of the precisions as reported.
func (r *Report) Order() []string {
	names := make([]string, len(r.Precisions))
	for i := range r.Precisions {
		names[i] = r.Precisions[i].Precision
	}
	return names
}

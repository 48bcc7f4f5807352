package loss_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/loss"
	"github.com/trueup-rl/trueup/rows"
)

// elsewhere are the cases of other frameworks that are weights or masks alone, by
// prefix: package correction's.
var elsewhere = []string{
	"slime/mis/", "slime/opsm/",
	"SkyRL/",
	"AReaL/token_", "AReaL/seq_",
	"NeMo-RL/seq_logprob_error/",
	"TRL/off_policy_mask/",
}

// otherCases runs the cases of each project, by prefix.
var otherCases = map[string]func(t *testing.T, name string, raw json.RawMessage, g *goldenBatch, out map[string]golden.Array){
	"NeMo-RL/":          runNeMoRL,
	"OpenRLHF/":         runOpenRLHF,
	"prime-rl/":         runPrimeRL,
	"TRL/vespo_phi":     runVESPO,
	"AReaL/m2po/":       runM2PO,
	"AReaL/prox_approx": runProximal,
}

func TestGoldenOtherFrameworks(t *testing.T) {
	for _, path := range goldenSets(t, "xfw_") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path + "_cases.json")
			require.NoError(t, err)
			var set struct {
				Cases map[string]json.RawMessage `json:"cases"`
			}
			require.NoError(t, json.Unmarshal(data, &set))
			require.NotEmpty(t, set.Cases)
			g, out := readBatch(t, path), golden.ReadNPZ(t, path+"_outputs.npz")
			for name, raw := range set.Cases {
				t.Run(name, func(t *testing.T) {
					if hasPrefix(name, elsewhere) {
						t.Skip("a weight or a mask alone")
					}
					for prefix, run := range otherCases {
						if strings.HasPrefix(name, prefix) {
							run(t, name, raw, g, out)
							return
						}
					}
					t.Fatal("no loss here stands for this case")
				})
			}
		})
	}
}

func hasPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// arrayName turns "NeMo-RL/tis" into "nemo_tis_g".
func arrayName(name, kind string) string {
	project, c, _ := strings.Cut(name, "/")
	short := map[string]string{"NeMo-RL": "nemo", "OpenRLHF": "openrlhf", "prime-rl": "primerl", "AReaL": "areal"}[project]
	return short + "_" + strings.ReplaceAll(c, "/", "_") + "_" + kind
}

// importanceWeights computes the weights that NeMo-RL and OpenRLHF make inside of
// their losses.
type importanceWeights struct {
	kind   string // "", tis, icepop, seq-mask-tis
	row    bool   // of the row's product
	lo, hi float64
}

func (w importanceWeights) of(g *goldenBatch, trainer []float32) []float32 {
	out := make([]float32, len(trainer))
	for i := range g.rows {
		sum, n := 0.0, 0.0
		for at := i * g.width; at < (i+1)*g.width; at++ {
			if g.mask[at] != 0 {
				sum += float64(trainer[at]) - float64(g.rollout[at])
				n++
			}
		}
		geo := math.Exp(sum / max(n, 1))
		for at := i * g.width; at < (i+1)*g.width; at++ {
			c := math.Exp(float64(trainer[at]) - float64(g.rollout[at]))
			if w.row {
				c = math.Exp(sum)
			}
			switch {
			case w.kind == "tis":
				c = max(w.lo, min(c, w.hi))
			case w.kind == "icepop" && (c < w.lo || c > w.hi),
				w.kind == "seq-mask-tis" && (geo < w.lo || geo > w.hi):
				c = 0
			}
			out[at] = float32(c)
		}
	}
	return out
}

func runNeMoRL(t *testing.T, name string, raw json.RawMessage, g *goldenBatch, out map[string]golden.Array) {
	var c struct {
		Args    json.RawMessage     `json:"args"`
		Metrics map[string]*float64 `json:"metrics"`
	}
	strictly(t, raw, &c)
	var a struct {
		UseIS      *bool    `json:"use_importance_sampling_correction"`
		Type       string   `json:"truncated_importance_sampling_type"`
		Hi         *float64 `json:"truncated_importance_sampling_ratio"`
		Lo         *float64 `json:"truncated_importance_sampling_ratio_min"`
		Sequence   bool     `json:"sequence_level_importance_ratios"`
		TokenLevel *bool    `json:"token_level_loss"`
		CISPO      bool     `json:"use_cispo"`
		Low        *float64 `json:"ratio_clip_min"`
		High       *float64 `json:"ratio_clip_max"`
		C          float64  `json:"ratio_clip_c"`
		OnPolicy   bool     `json:"force_on_policy_ratio"`
	}
	strictly(t, c.Args, &a)

	kind := "ppo"
	switch {
	case a.CISPO:
		kind = "cispo"
	case a.Sequence:
		kind = "gspo"
	}
	text := fmt.Sprintf("%s:%g..%g, bound:80", kind, or(a.Low, 0.2), or(a.High, 0.2))
	if a.Sequence {
		text += ", form:sequence"
	}
	if a.C != 0 {
		text += fmt.Sprintf(", dual:%g", a.C)
	}
	if a.TokenLevel != nil && !*a.TokenLevel {
		text += ", agg:seq-mean-token-mean"
	}
	batch, trainer := g.decoupled, g.train
	if a.OnPolicy {
		batch, trainer = g.self, g.cur
		text += ", on-policy"
	}
	batch.Rollout = g.rollout // for approx_entropy
	used := a.UseIS == nil || *a.UseIS
	if used {
		w := importanceWeights{kind: a.Type, row: a.Sequence, lo: or(a.Lo, 0), hi: or(a.Hi, math.Inf(1))}
		batch.Weight = w.of(g, trainer)
	}
	// Rows without a token count.
	tokens := int64(0)
	for _, m := range g.mask {
		tokens += int64(m)
	}
	got, summary, config := evaluate(t, text, &batch, &loss.Counts{Tokens: tokens, Rows: int64(g.rows)})
	sameGradient(t, out[arrayName(name, "g")].F32, got)
	for metric, value := range config.Metrics(loss.NeMoRLNames, &summary) {
		want, ok := c.Metrics[metric]
		if !ok {
			t.Errorf("NeMo-RL has no metric %s", metric)
			continue
		}
		if metric == "sampling_importance_ratio" && (a.Sequence || !used) {
			continue // summed over all pairs of rows by a broadcast; not ours
		}
		sameFigure(t, metric, want, value)
	}
}

func runOpenRLHF(t *testing.T, name string, raw json.RawMessage, g *goldenBatch, out map[string]golden.Array) {
	var c struct {
		Args      json.RawMessage `json:"args"`
		Loss      *float64        `json:"loss"`
		ClipRatio *float64        `json:"clip_ratio"`
		PPOKL     *float64        `json:"ppo_kl"`
		VLLMKL    *float64        `json:"vllm_kl"` // package mismatch's
		Note      string          `json:"note"`
	}
	strictly(t, raw, &c)
	var a struct {
		Type   string    `json:"vllm_is_correction_type"`
		Bounds []float64 `json:"vllm_is_truncated_threshold"`
		Low    *float64  `json:"clip_eps_low"`
		High   *float64  `json:"clip_eps_high"`
		Dual   *float64  `json:"dual_clip"`
	}
	strictly(t, c.Args, &a)
	w := importanceWeights{kind: a.Type, lo: 0.5, hi: 5}
	if len(a.Bounds) == 2 {
		w.lo, w.hi = a.Bounds[0], a.Bounds[1]
	}
	text := fmt.Sprintf("ppo:%g..%g", or(a.Low, 0.2), or(a.High, 0.2))
	if a.Dual != nil {
		text += fmt.Sprintf(", dual:%g", *a.Dual)
	}
	batch := g.decoupled
	batch.Weight = w.of(g, g.train)
	got, summary, config := evaluate(t, text, &batch, nil)
	sameGradient(t, out[arrayName(name, "g")].F32, got)
	ours := maps.Collect(config.Metrics(loss.OpenRLHFNames, &summary))
	sameFigure(t, "policy_loss", c.Loss, ours["policy_loss"])
	sameFigure(t, "clip_ratio", c.ClipRatio, ours["clip_ratio"])
	sameFigure(t, "ppo_kl", c.PPOKL, ours["ppo_kl"])
}

func runPrimeRL(t *testing.T, name string, raw json.RawMessage, g *goldenBatch, out map[string]golden.Array) {
	var c struct {
		Args json.RawMessage       `json:"args"`
		Loss *float64              `json:"loss"`
		Rows []map[string]*float64 `json:"per_sequence_metrics"`
	}
	strictly(t, raw, &c)
	var a struct {
		Low   *float64 `json:"dppo_mask_low"`
		High  *float64 `json:"dppo_mask_high"`
		IPO   *float64 `json:"ipo_threshold"`
		Scale *float64 `json:"adv_tau"`
		Kappa *float64 `json:"kl_tau"`
	}
	strictly(t, c.Args, &a)
	text := fmt.Sprintf("prime-rl:%g..%g", or(a.Low, 0.2), or(a.High, 0.2))
	if a.IPO != nil {
		text = fmt.Sprintf("ipo:%g", *a.IPO)
	}
	text += fmt.Sprintf(", kappa:%g, bypass, bound:80", or(a.Kappa, 1e-3))
	batch := g.bypassed
	batch.Advantage = make([]float32, len(g.adv))
	for i, x := range g.adv {
		batch.Advantage[i] = float32(or(a.Scale, 1) * float64(x))
	}
	got, summary, _ := evaluate(t, text, &batch, nil)
	sameGradient(t, out[arrayName(name, "g")].F32, got)
	sameFigure(t, "loss", c.Loss, summary.Loss())

	for i, want := range c.Rows {
		layout, err := rows.Ragged([]int64{int64(i * g.width), int64((i + 1) * g.width)})
		require.NoError(t, err)
		one := batch
		one.Layout = layout
		_, summary, config := evaluate(t, text, &one, nil)
		ours := maps.Collect(config.Metrics(loss.PrimeRLNames, &summary))
		assert.Len(t, ours, len(want))
		for name, x := range want {
			sameFigure(t, fmt.Sprintf("row %d: %s", i, name), x, ours[name])
		}
	}
}

// runVESPO checks φ: with A = ±1 it is the coefficient.
func runVESPO(t *testing.T, _ string, raw json.RawMessage, g *goldenBatch, _ map[string]golden.Array) {
	var c struct {
		Phi []*float64 `json:"phi"`
	}
	require.NoError(t, json.Unmarshal(raw, &c))
	batch := g.decoupled
	batch.Weight = importanceWeights{kind: "tis", hi: 3}.of(g, g.train)
	batch.Advantage = make([]float32, len(g.adv))
	for i, x := range g.adv {
		batch.Advantage[i] = 1
		if x < 0 {
			batch.Advantage[i] = -1
		}
	}
	got, _, _ := evaluate(t, "vespo, agg:token-sum", &batch, nil)
	require.Len(t, c.Phi, g.rows)
	for i, phi := range c.Phi {
		for at := i * g.width; at < (i+1)*g.width; at++ {
			if g.mask[at] == 0 {
				assert.Zero(t, got[at])
				continue
			}
			sameFigure(t, fmt.Sprintf("phi of row %d", i), phi, math.Abs(float64(got[at])))
		}
	}
}

// runM2PO checks the mask: with A = 1 its complement are the zeros. Of tokens with
// equal moments AReaL drops any, so those at its cut are not compared.
func runM2PO(t *testing.T, name string, _ json.RawMessage, g *goldenBatch, out map[string]golden.Array) {
	batch := g.decoupled
	batch.Rollout = g.rollout
	batch.Advantage = nil
	batch.RowAdvantage = make([]float32, g.rows)
	for i := range batch.RowAdvantage {
		batch.RowAdvantage[i] = 1
	}
	got, _, _ := evaluate(t, "m2po:"+strings.TrimPrefix(name, "AReaL/m2po/")+", bound:80, agg:token-sum", &batch, nil)
	keeps := out[arrayName(name, "m")].U8
	moment := func(i int) float64 { return math.Pow(float64(g.rollout[i])-float64(g.train[i]), 2) }
	tied := func(i int) bool {
		for k, keep := range keeps {
			if g.mask[k] != 0 && keep != keeps[i] && moment(k) == moment(i) {
				return true
			}
		}
		return false
	}
	for i, keep := range keeps {
		if g.mask[i] != 0 && tied(i) {
			continue
		}
		assert.Equal(t, keep != 0, got[i] != 0, "token %d", i)
	}
}

func runProximal(t *testing.T, _ string, raw json.RawMessage, g *goldenBatch, out map[string]golden.Array) {
	var c struct {
		Version int32    `json:"current_version"`
		Methods []string `json:"methods"`
	}
	require.NoError(t, json.Unmarshal(raw, &c))
	methods := map[string]loss.ProximalMethod{"loglinear": loss.LogLinear, "linear": loss.Linear, "rollout": loss.SameAsRollout}
	for _, name := range c.Methods {
		method, ok := methods[name]
		require.True(t, ok, "no method here stands for AReaL's %q", name)
		got := make([]float32, len(g.cur))
		loss.ApproximateProximal(got, g.cur, g.rollout, out["areal_versions"].I32, c.Version, method)
		for i, want := range out["areal_prox_"+name].F32 {
			assert.InDelta(t, want, got[i], 1e-6*(1+math.Abs(float64(want))), "%s %d", name, i)
		}
	}
}

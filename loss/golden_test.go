package loss_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/correction/verl"
	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/loss"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

// goldenSets returns the case files with a prefix, less "_cases.json".
func goldenSets(t *testing.T, prefix string) []string {
	dir := golden.Dir(t, "correction")
	files, err := filepath.Glob(filepath.Join(dir, prefix+"*_cases.json"))
	require.NoError(t, err)
	for i, file := range files {
		files[i] = strings.TrimSuffix(file, "_cases.json")
	}
	return files
}

// goldenBatch has the inputs of a set: [rows, width], no padding of its own.
type goldenBatch struct {
	rows, width               int
	layout                    rows.Layout
	train, rollout, cur, adv  []float32
	mask                      []uint8
	arrays                    map[string]golden.Array
	decoupled, bypassed, self loss.Batch
}

func readBatch(t *testing.T, path string) *goldenBatch {
	in := golden.ReadNPZ(t, path+"_inputs.npz")
	shape := in["mask"].Shape
	layout, err := rows.Padded(shape[0], shape[1], shape[1], nil)
	require.NoError(t, err)
	g := &goldenBatch{rows: shape[0], width: shape[1], layout: layout, arrays: in,
		train: in["train_logp"].F32, rollout: in["rollout_logp"].F32, cur: in["cur_logp"].F32,
		adv: in["adv"].F32, mask: in["mask"].U8}
	g.decoupled = loss.Batch{Layout: layout, Current: g.cur, Proximal: g.train, Advantage: g.adv, Mask: g.mask}
	g.bypassed = loss.Batch{Layout: layout, Current: g.cur, Rollout: g.rollout, Advantage: g.adv, Mask: g.mask}
	g.self = loss.Batch{Layout: layout, Current: g.cur, Advantage: g.adv, Mask: g.mask}
	return g
}

func evaluate(t *testing.T, config string, b *loss.Batch, global *loss.Counts) ([]float32, loss.Summary, loss.Config) {
	c, err := loss.Parse(config)
	require.NoError(t, err)
	e, err := loss.New(c)
	require.NoError(t, err)
	dst := make([]float32, b.Layout.Size())
	stats, err := e.Coefficients(dst, b, global)
	require.NoError(t, err)
	return dst, stats.Summary(), c
}

// sameGradient applies the tolerance that the sets' README states.
func sameGradient(t *testing.T, want, got []float32) {
	require.Len(t, got, len(want))
	for i, x := range want {
		if !(math.Abs(float64(got[i])-float64(x)) <= 2e-6*math.Abs(float64(x))+1e-12) {
			t.Fatalf("coefficient %d is %v, want %v", i, got[i], x)
		}
	}
}

// sameFigure compares a loss or a metric. A nil is not finite in the original,
// 0/0 where every token was rejected; here it has an answer.
func sameFigure(t *testing.T, name string, want *float64, got float64) {
	if want == nil {
		assert.Zero(t, got, name)
		return
	}
	if !(math.Abs(got-*want) <= 1e-5*math.Abs(*want)+1e-7) {
		t.Errorf("%s is %v, want %v", name, got, *want)
	}
}

// strictly decodes JSON whose every field must be known: an argument that a test
// does not look at would make it compare different things.
func strictly(t *testing.T, data json.RawMessage, to any) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(to))
}

type verlLossSet struct {
	Meta  any            `json:"meta"`
	Cases []verlLossCase `json:"cases"`
}

type verlLossCase struct {
	ID      string              `json:"id"`
	Loss    string              `json:"loss"`
	Agg     string              `json:"agg"`
	Config  verlLossConfig      `json:"config"`
	Weights *verlCorrection     `json:"weights"`
	F32     *float64            `json:"value_f32"`
	Value   *float64            `json:"value_f64"`
	Grad    string              `json:"grad"`
	Metrics map[string]*float64 `json:"metrics_f64"`
}

type verlLossConfig struct {
	Clip       *float64 `json:"clip_ratio"`
	Low        *float64 `json:"clip_ratio_low"`
	High       *float64 `json:"clip_ratio_high"`
	C          *float64 `json:"clip_ratio_c"`
	TauPos     *float64 `json:"tau_pos"`
	TauNeg     *float64 `json:"tau_neg"`
	PolicyLoss struct {
		Beta       *float64        `json:"dro_beta"`
		Correction *verlCorrection `json:"rollout_correction"`
	} `json:"policy_loss"`
}

type verlCorrection struct {
	IS          string `json:"rollout_is"`
	ISThreshold any    `json:"rollout_is_threshold"`
	Normalize   bool   `json:"rollout_is_batch_normalize"`
	RS          string `json:"rollout_rs"`
	RSThreshold any    `json:"rollout_rs_threshold"`
	LossType    string `json:"loss_type"`
}

func or(x *float64, missing float64) float64 {
	if x == nil {
		return missing
	}
	return *x
}

// text is the case's configuration in our terms, or an error for a loss that this
// package does not know.
func (c *verlLossCase) text(width int) (string, error) {
	clip := or(c.Config.Clip, 0.2)
	bounds := fmt.Sprintf("%g..%g", or(c.Config.Low, clip), or(c.Config.High, clip))
	dual := or(c.Config.C, 3)
	agg := c.Agg
	if agg == "seq-mean-token-sum-norm" {
		agg += ":" + strconv.Itoa(width)
	}
	switch c.Loss {
	case "vanilla":
		return fmt.Sprintf("ppo:%s, dual:%g, agg:%s", bounds, dual, agg), nil
	case "gspo":
		return fmt.Sprintf("gspo:%s, agg:seq-mean-token-mean", bounds), nil
	case "cispo":
		return fmt.Sprintf("cispo:%s, agg:%s", bounds, agg), nil
	case "dppo_tv", "dppo_kl":
		return fmt.Sprintf("%s:%s, cap:%g, agg:%s", strings.Replace(c.Loss, "_", "-", 1), bounds, or(c.Config.C, 20), agg), nil
	case "sapo":
		return fmt.Sprintf("sapo:%g..%g, agg:seq-mean-token-mean", or(c.Config.TauPos, 1), or(c.Config.TauNeg, 1.05)), nil
	case "gpg":
		return "gpg, agg:" + agg, nil
	case "geo_mean":
		return fmt.Sprintf("gmpo:%s, agg:seq-mean-token-mean, bound:80", bounds), nil
	case "dro":
		return fmt.Sprintf("dro:%g, agg:%s", or(c.Config.PolicyLoss.Beta, 0), agg), nil
	case "bypass_mode":
		switch c.Config.PolicyLoss.Correction.LossType {
		case "ppo_clip", "":
			return fmt.Sprintf("ppo:%s, dual:%g, bypass, agg:%s", bounds, dual, agg), nil
		case "reinforce":
			return "reinforce, bypass, agg:" + agg, nil
		}
	}
	return "", fmt.Errorf("no loss here stands for verl's %q", c.Loss)
}

// correct runs verl's correction of trainer against rollout: the weights (nil if
// it has none), the mask after rejection, and verl's metrics.
func (v *verlCorrection) correct(t *testing.T, g *goldenBatch, trainer []float32) ([]float32, []uint8, map[string]float64) {
	made, err := verl.New(verl.Config{
		RolloutIS: v.IS, RolloutISThreshold: threshold(v.ISThreshold), RolloutISBatchNormalize: v.Normalize,
		RolloutRS: v.RS, RolloutRSThreshold: threshold(v.RSThreshold),
	})
	require.NoError(t, err)
	corrector, err := correction.New(made.Policy)
	require.NoError(t, err)
	w, keep := make([]float32, len(trainer)), make([]uint8, len(trainer))
	stats, err := corrector.Correct(w, keep, &mismatch.Batch{Layout: g.layout, Trainer: trainer, Rollout: g.rollout, Mask: g.mask})
	require.NoError(t, err)
	metrics := make(map[string]float64)
	for _, m := range made.Metrics(stats) {
		metrics[m.Name] = m.Value
	}
	if v.IS == "" {
		w = nil
	}
	return w, keep, metrics
}

// threshold turns verl's number-or-string into text.
func threshold(v any) string {
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		return v
	}
	return ""
}

// TestGoldenVerl runs every loss set: one subtest per set and case.
func TestGoldenVerl(t *testing.T) {
	for _, path := range goldenSets(t, "loss_") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path + "_cases.json")
			require.NoError(t, err)
			var set verlLossSet
			strictly(t, data, &set)
			require.NotEmpty(t, set.Cases)
			g, grads := readBatch(t, path), golden.ReadNPZ(t, path+"_grads.npz")
			for _, c := range set.Cases {
				t.Run(c.ID+"_"+c.Loss, func(t *testing.T) { c.run(t, g, grads[c.Grad].F32) })
			}
		})
	}
}

func (c *verlLossCase) run(t *testing.T, g *goldenBatch, want []float32) {
	text, err := c.text(g.width)
	require.NoError(t, err)
	batch, metrics := g.decoupled, map[string]float64{}
	if c.Weights != nil {
		batch.Weight, batch.Mask, _ = c.Weights.correct(t, g, g.train)
	}
	if c.Loss == "bypass_mode" {
		batch = g.bypassed
		correction := c.Config.PolicyLoss.Correction
		batch.Weight, batch.Mask, metrics = correction.correct(t, g, g.cur)
		if strings.HasPrefix(text, "ppo") {
			batch.Weight = nil // verl computes them for its metrics alone
		}
	}
	var global *loss.Counts
	if c.Loss == "geo_mean" {
		global = &loss.Counts{Rows: int64(g.rows)} // empty rows too
	}
	got, summary, config := evaluate(t, text, &batch, global)
	sameGradient(t, want, got)
	sameFigure(t, "loss", c.Value, summary.Loss())

	maps.Insert(metrics, config.Metrics(loss.VerlNames, &summary))
	assert.ElementsMatch(t, slices.Collect(maps.Keys(c.Metrics)), slices.Collect(maps.Keys(metrics)), "names")
	for name, x := range c.Metrics {
		tolerant := x
		if strings.HasSuffix(name, "_std") && x != nil { // the root of a cancelling difference
			assert.InDelta(t, *x, metrics[name], 1e-5*math.Abs(*x)+1e-6, name)
			continue
		}
		sameFigure(t, name, tolerant, metrics[name])
	}
}

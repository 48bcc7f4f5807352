package correction_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/correction/areal"
	"github.com/trueup-rl/trueup/correction/nemorl"
	"github.com/trueup-rl/trueup/correction/openrlhf"
	"github.com/trueup-rl/trueup/correction/skyrl"
	"github.com/trueup-rl/trueup/correction/slime"
	"github.com/trueup-rl/trueup/correction/trl"
	"github.com/trueup-rl/trueup/internal/golden"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

// lossCases are the cases of other projects that are losses or masks inside of
// losses, by prefix: package loss's.
var lossCases = []string{
	"prime-rl/",
	"TRL/vespo_phi",
	"AReaL/m2po/", "AReaL/prox_approx",
}

// correctionCases runs the cases of each project, by prefix.
var correctionCases = []struct {
	prefix string
	run    func(*testing.T, *xfwCase)
}{
	{"slime/mis/", runSlime},
	{"slime/opsm/", runSlimeOPSM},
	{"SkyRL/", runSkyRL},
	{"AReaL/token_", runAReaL},
	{"AReaL/seq_", runAReaL},
	{"NeMo-RL/seq_logprob_error/", runSeqLogprobError},
	{"TRL/off_policy_mask/", runOffPolicyMask},
	{"NeMo-RL/", runNeMoRLErrors},
	{"OpenRLHF/", runVLLMKL},
}

// xfwCase is one case of a set that other projects' code was run on.
type xfwCase struct {
	raw    json.RawMessage
	batch  *mismatch.Batch
	arrays map[string]golden.Array
	array  string // what the names of the case's arrays start with
	last   string // the last part of the case's name
	width  int
}

// TestGoldenOtherFrameworks runs every case that is a weight or a mask alone.
func TestGoldenOtherFrameworks(t *testing.T) {
	for _, file := range goldenSets(t) {
		if !strings.HasPrefix(filepath.Base(file), "xfw_") {
			continue
		}
		path := strings.TrimSuffix(file, "_cases.json")
		t.Run(filepath.Base(path), func(t *testing.T) { runOtherFrameworks(t, path) })
	}
}

func runOtherFrameworks(t *testing.T, path string) {
	data, err := os.ReadFile(path + "_cases.json")
	require.NoError(t, err)
	var set struct {
		Cases map[string]json.RawMessage `json:"cases"`
	}
	require.NoError(t, json.Unmarshal(data, &set))
	require.NotEmpty(t, set.Cases)
	in, out := golden.ReadNPZ(t, path+"_inputs.npz"), golden.ReadNPZ(t, path+"_outputs.npz")
	shape := in["mask"].Shape
	layout, err := rows.Padded(shape[0], shape[1], shape[1], nil)
	require.NoError(t, err)
	batch := &mismatch.Batch{
		Layout:    layout,
		Trainer:   in["train_logp"].F32,
		Rollout:   in["rollout_logp"].F32,
		Optimized: in["cur_logp"].F32,
		Mask:      in["mask"].U8,
	}
	for i := range shape[0] {
		batch.RowAdvantage = append(batch.RowAdvantage, in["adv"].F32[i*shape[1]])
	}
	for name, raw := range set.Cases {
		t.Run(name, func(t *testing.T) {
			c := &xfwCase{raw: raw, batch: batch, arrays: out, width: shape[1]}
			c.last = name[strings.LastIndexByte(name, '/')+1:]
			project, rest, _ := strings.Cut(name, "/")
			c.array = strings.ToLower(project) + "_" + strings.ReplaceAll(strings.TrimPrefix(rest, "mis/"), "/", "_")
			for _, known := range correctionCases {
				if strings.HasPrefix(name, known.prefix) {
					known.run(t, c)
					return
				}
			}
			for _, prefix := range lossCases {
				if strings.HasPrefix(name, prefix) {
					t.Skip("a loss: package loss runs it")
				}
			}
			t.Fatal("no correction here stands for this case")
		})
	}
}

// decode reads a case and refuses what it does not know.
func (c *xfwCase) decode(t *testing.T, raw []byte, v any) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(v))
}

func (c *xfwCase) outputs() ([]float32, []uint8) { return fill(c.batch.Layout.Size()) }

func (c *xfwCase) corrector(t *testing.T, p correction.Policy) *correction.Corrector {
	corrector, err := correction.New(p)
	require.NoError(t, err)
	again, err := correction.Parse(p.String())
	require.NoError(t, err)
	assert.Equal(t, p, again, "the policy's text")
	return corrector
}

// compare checks weights, where the mask is 1, and the mask. Weights may be one
// a row.
func (c *xfwCase) compare(t *testing.T, w []float32, keep []uint8) {
	mask, ok := c.arrays[c.array+"_m"]
	require.True(t, ok, "no array %s_m", c.array)
	for i, m := range c.batch.Mask {
		if m != 0 && mask.U8[i] != keep[i] {
			t.Fatalf("token %d: kept %d, want %d", i, keep[i], mask.U8[i])
		}
	}
	weights, ok := c.arrays[c.array+"_w"]
	if !ok {
		return
	}
	for i := range w {
		want := weights.F32[i/(len(w)/len(weights.F32))]
		if c.batch.Mask[i] != 0 && math.Abs(float64(w[i])-float64(want)) > 2e-6*math.Abs(float64(want)) {
			t.Fatalf("weight %d is %v, want %v", i, w[i], want)
		}
	}
}

func (c *xfwCase) compareMetrics(t *testing.T, want map[string]*float64, got map[string]float64) {
	for name, x := range want {
		y, ok := got[name]
		if !ok {
			t.Errorf("no metric %s", name)
			continue
		}
		if err := closeTo(name, y, x); err != nil {
			t.Error(err)
		}
	}
	assert.Len(t, got, len(want), "names")
}

func number(x *float64) float64 {
	if x == nil {
		return 0
	}
	return *x
}

func runSlime(t *testing.T, c *xfwCase) {
	var s struct {
		Args struct {
			UseTIS    bool     `json:"use_tis"`
			UseRS     bool     `json:"use_rs"`
			TISLevel  string   `json:"tis_level"`
			RSLevel   string   `json:"rs_level"`
			TISMode   string   `json:"tis_mode"`
			TISLower  *float64 `json:"tis_lower_bound"`
			TISUpper  *float64 `json:"tis_upper_bound"`
			RSLower   *float64 `json:"rs_lower_bound"`
			RSUpper   *float64 `json:"rs_upper_bound"`
			Veto      *float64 `json:"rs_veto_threshold"`
			Normalize bool     `json:"tis_batch_normalize"`
		} `json:"args"`
		Metrics map[string]*float64 `json:"metrics_seqmean"`
	}
	c.decode(t, c.raw, &s)
	a := s.Args
	m, err := slime.New(slime.Config{
		UseTIS: a.UseTIS, TISLevel: a.TISLevel, TISMode: a.TISMode,
		TISLowerBound: number(a.TISLower), TISUpperBound: number(a.TISUpper),
		UseRS: a.UseRS, RSLevel: a.RSLevel,
		RSLowerBound: number(a.RSLower), RSUpperBound: number(a.RSUpper), RSVetoThreshold: number(a.Veto),
		TISBatchNormalize: a.Normalize,
	})
	require.NoError(t, err)
	w, keep := c.outputs()
	stats, err := c.corrector(t, m.Policy).Correct(w, keep, c.batch)
	require.NoError(t, err)
	c.compare(t, w, keep)

	var measured slime.Stats
	require.NoError(t, m.Measure(&measured, c.batch, stats))
	c.compareMetrics(t, s.Metrics, maps.Collect(m.Metrics(&measured)))
}

func runSlimeOPSM(t *testing.T, c *xfwCase) {
	var s struct {
		Kept int64 `json:"kept_tokens"`
		// Sums T/L over dropped rows, where slime without padding sums 1.
		ClipFraction float64 `json:"clipfrac_reported"`
	}
	c.decode(t, c.raw, &s)
	delta, err := strconv.ParseFloat(c.last, 64)
	require.NoError(t, err)
	_, keep := c.outputs()
	stats, err := c.corrector(t, slime.OPSM(delta)).Correct(nil, keep, c.batch)
	require.NoError(t, err)
	c.compare(t, nil, keep)
	assert.Equal(t, s.Kept, stats.Effect().KeptTokens)
}

func runSkyRL(t *testing.T, c *xfwCase) {
	var s struct {
		Args struct {
			TIS         string   `json:"tis_ratio_type"`
			Sequence    string   `json:"sequence_mask_metric"`
			TokenHigh   *float64 `json:"token_tis_ratio_clip_high"`
			SeqHigh     *float64 `json:"sequence_tis_ratio_clip_high"`
			GeoHigh     *float64 `json:"geo_mask_high"`
			GeoLow      *float64 `json:"geo_mask_low"`
			ProductHigh *float64 `json:"product_mask_high"`
			ProductLow  *float64 `json:"product_mask_low"`
			OutlierLow  *float64 `json:"outlier_token_is_threshold_low"`
			OutlierHigh *float64 `json:"outlier_token_is_threshold_high"`
			TokenLow    *float64 `json:"token_mask_is_threshold_low"`
			MaskHigh    *float64 `json:"token_mask_is_threshold_high"`
		} `json:"args"`
		Metrics map[string]*float64 `json:"metrics"`
	}
	c.decode(t, c.raw, &s)
	a := s.Args
	m, err := skyrl.New(skyrl.Config{
		TISRatioType: a.TIS, TokenTISRatioClipHigh: number(a.TokenHigh), SequenceTISRatioClipHigh: number(a.SeqHigh),
		SequenceMaskMetric: a.Sequence, GeoMaskHigh: number(a.GeoHigh), GeoMaskLow: number(a.GeoLow),
		ProductMaskHigh: number(a.ProductHigh), ProductMaskLow: number(a.ProductLow),
		OutlierTokenISThresholdLow: number(a.OutlierLow), OutlierTokenISThresholdHigh: number(a.OutlierHigh),
		TokenMaskISThresholdLow: number(a.TokenLow), TokenMaskISThresholdHigh: number(a.MaskHigh),
	})
	require.NoError(t, err)
	w, keep := c.outputs()
	var stats skyrl.Stats
	require.NoError(t, m.Correct(&stats, w, keep, c.batch))
	if a.OutlierLow != nil || a.TokenLow != nil { // an earlier mask's tokens have no weight here
		for i, k := range c.arrays[c.array+"_m"].U8 {
			if weights := c.arrays[c.array+"_w"].F32; k == 0 && w[i] == 0 && weights != nil {
				w[i] = weights[i/(len(w)/len(weights))]
			}
		}
	}
	c.compare(t, w, keep)
	c.compareMetrics(t, s.Metrics, maps.Collect(m.Metrics(&stats)))
}

func runAReaL(t *testing.T, c *xfwCase) {
	var s struct {
		Args struct {
			Level  string   `json:"level"`
			Action string   `json:"action"`
			Metric string   `json:"metric"`
			Agg    string   `json:"agg"`
			Upper  float64  `json:"upper"`
			Lower  *float64 `json:"lower"`
		} `json:"args"`
		Filtered float64 `json:"filtered_fraction"`
	}
	c.decode(t, c.raw, &s)
	m, err := areal.New(areal.Config(s.Args))
	require.NoError(t, err)
	w, keep := c.outputs()
	var stats areal.Stats
	require.NoError(t, m.Correct(&stats, w, keep, c.corrector(t, m.Policy), c.batch))
	c.compare(t, w, keep)
	assert.InDelta(t, s.Filtered, stats.FilteredFraction(), 1e-7)
}

func runSeqLogprobError(t *testing.T, c *xfwCase) {
	var s struct {
		Metrics map[string]*float64 `json:"metrics"`
		Kept    int                 `json:"kept"` // rows, those without a token included
	}
	c.decode(t, c.raw, &s)
	threshold := math.Inf(1)
	if c.last != "None" {
		var err error
		threshold, err = strconv.ParseFloat(c.last, 64)
		require.NoError(t, err)
	}
	m, err := nemorl.NewSeqLogprobError(threshold)
	require.NoError(t, err)
	var reward []float32
	for _, a := range c.batch.RowAdvantage {
		reward = append(reward, indicator(a > 0))
	}
	_, keep := c.outputs()
	var stats nemorl.Stats
	require.NoError(t, m.Mask(&stats, keep, c.batch, reward))
	got := maps.Collect(stats.Metrics())
	c.compareMetrics(t, s.Metrics, got)
	assert.EqualValues(t, s.Kept, float64(c.batch.Layout.Rows())-got["num_masked_seqs"])
}

// runNeMoRLErrors checks the figures of a loss that are the mismatch's.
func runNeMoRLErrors(t *testing.T, c *xfwCase) {
	var s struct {
		Args struct {
			OnPolicy bool `json:"force_on_policy_ratio"`
		} `json:"args"`
		Metrics map[string]*float64 `json:"metrics"`
	}
	require.NoError(t, json.Unmarshal(c.raw, &s))
	b := *c.batch
	if s.Args.OnPolicy {
		b.Trainer = b.Optimized
	}
	stats, err := c.corrector(t, nemorl.Diagnostics()).Correct(nil, nil, &b)
	require.NoError(t, err)
	for name, x := range nemorl.DiagnosticMetrics(stats) {
		require.Contains(t, s.Metrics, name)
		if err := closeTo(name, x, s.Metrics[name]); err != nil {
			t.Error(err)
		}
	}
}

// runVLLMKL does so for OpenRLHF.
func runVLLMKL(t *testing.T, c *xfwCase) {
	var s struct {
		KL *float64 `json:"vllm_kl"`
	}
	require.NoError(t, json.Unmarshal(c.raw, &s))
	stats, err := c.corrector(t, correction.Policy{}).Correct(nil, nil, c.batch)
	require.NoError(t, err)
	for name, x := range openrlhf.Metrics(stats) {
		if err := closeTo(name, x, s.KL); err != nil {
			t.Error(err)
		}
	}
}

func indicator(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

func runOffPolicyMask(t *testing.T, c *xfwCase) {
	var s struct {
		Rows []int `json:"keep"`
	}
	c.decode(t, c.raw, &s)
	threshold, err := strconv.ParseFloat(c.last, 64)
	require.NoError(t, err)
	p, err := trl.Config{OffPolicyMaskThreshold: threshold}.Policy()
	require.NoError(t, err)
	_, keep := c.outputs()
	_, err = c.corrector(t, p).Correct(nil, keep, c.batch)
	require.NoError(t, err)
	for i, m := range c.batch.Mask {
		if m != 0 {
			assert.EqualValues(t, s.Rows[i/c.width], keep[i], "token %d", i)
		}
	}
}

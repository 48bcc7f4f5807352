package correction_test

import (
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
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

// verlSet is a file of cases that verl itself was run on; testdata/README.md
// says how.
type verlSet struct {
	Base  map[string]*float64 `json:"base_metrics_f64"`
	Cases []verlCase          `json:"cases"`
}

type verlCase struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	Args struct {
		RolloutIS   string `json:"rollout_is"`
		ISThreshold any    `json:"rollout_is_threshold"`
		Normalize   bool   `json:"rollout_is_batch_normalize"`
		RolloutRS   string `json:"rollout_rs"`
		RSThreshold any    `json:"rollout_rs_threshold"`
	} `json:"args"`
	Metrics map[string]*float64 `json:"metrics_f64"`
	Weights string              `json:"weights"`
	MaskOut string              `json:"mask_out"`
	Error   any                 `json:"error"`
}

func (c *verlCase) config() verl.Config {
	return verl.Config{
		RolloutIS:               c.Args.RolloutIS,
		RolloutISThreshold:      threshold(c.Args.ISThreshold),
		RolloutISBatchNormalize: c.Args.Normalize,
		RolloutRS:               c.Args.RolloutRS,
		RolloutRSThreshold:      threshold(c.Args.RSThreshold),
	}
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

// otherSets are golden sets that verl's correction did not make, by prefix.
var otherSets = []string{"loss_", "xfw_"}

// goldenSets returns the case files of $TRUEUP_GOLDEN/correction, of
// $TRUEUP_GOLDEN itself if it holds sets, or of the repository's own sets.
func goldenSets(t *testing.T) []string {
	if base := os.Getenv("TRUEUP_GOLDEN"); base != "" {
		if files, _ := filepath.Glob(filepath.Join(base, "*_cases.json")); len(files) > 0 {
			return files
		}
	}
	dir := golden.Dir(t, "correction")
	files, err := filepath.Glob(filepath.Join(dir, "*_cases.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "no golden sets in %s", dir)
	return files
}

// TestGoldenVerl runs every verl set: one subtest per set and case.
func TestGoldenVerl(t *testing.T) {
	files := goldenSets(t)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), "_cases.json")
		if slices.ContainsFunc(otherSets, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		t.Run(name, func(t *testing.T) { runVerlSet(t, strings.TrimSuffix(file, "_cases.json")) })
	}
}

func runVerlSet(t *testing.T, path string) {
	data, err := os.ReadFile(path + "_cases.json")
	require.NoError(t, err)
	var set verlSet
	require.NoError(t, json.Unmarshal(data, &set))
	require.NotEmpty(t, set.Cases)
	in, out := golden.ReadNPZ(t, path+"_inputs.npz"), golden.ReadNPZ(t, path+"_outputs.npz")

	shape := in["mask"].Shape
	layout, err := rows.Padded(shape[0], shape[1], shape[1], nil)
	require.NoError(t, err)
	batch := mismatch.Batch{
		Layout:  layout,
		Trainer: in["train_logp"].F32,
		Rollout: in["rollout_logp"].F32,
		Mask:    in["mask"].U8,
	}
	for _, c := range set.Cases {
		t.Run(c.ID, func(t *testing.T) { c.run(t, &batch, set.Base, out) })
	}
}

func (c *verlCase) run(t *testing.T, batch *mismatch.Batch, base map[string]*float64, arrays map[string]golden.Array) {
	v, err := verl.New(c.config())
	require.NoError(t, err)
	if preset, ok := strings.CutPrefix(c.Kind, "preset:"); ok {
		config, err := verl.Preset(preset)
		require.NoError(t, err)
		fromPreset, err := verl.New(config)
		require.NoError(t, err)
		assert.Equal(t, v, fromPreset, "preset %s", preset)
	}
	corrector, err := correction.New(v.Policy)
	require.NoError(t, err)
	w, keep := make([]float32, batch.Layout.Size()), make([]uint8, batch.Layout.Size())
	stats, err := corrector.Correct(w, keep, batch)
	require.NoError(t, err)
	got := make(map[string]float64)
	for _, m := range v.Metrics(stats) {
		got[m.Name] = m.Value
	}

	if c.Error != nil {
		// verl divides by zero where every weight is; here that has an answer.
		assert.Zero(t, got["rollout_corr/rollout_is_eff_sample_size"])
		for _, x := range w {
			assert.Zero(t, x)
		}
		return
	}
	if c.Weights != "" {
		want := arrays[c.Weights].F32
		require.Len(t, want, len(w))
		for i, x := range want {
			if math.Abs(float64(w[i])-float64(x)) > 2e-6*math.Abs(float64(x)) {
				t.Fatalf("weight %d is %v, want %v", i, w[i], x)
			}
		}
	}
	require.Equal(t, arrays[c.MaskOut].U8, keep, "mask")

	want := maps.Clone(base)
	maps.Copy(want, c.Metrics)
	assert.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)), "names")
	for name, x := range want {
		if err := closeTo(name, got[name], x); err != nil {
			t.Error(err)
		}
	}
}

// closeTo applies the tolerances that the golden sets' README states.
func closeTo(name string, got float64, want *float64) error {
	if want == nil {
		return fmt.Errorf("%s: verl's value is not finite, ours is %v", name, got)
	}
	tolerance := 1e-5*math.Abs(*want) + 1e-7
	if strings.HasSuffix(name, "_std") {
		tolerance = 1e-5*math.Abs(*want) + 1e-6
	}
	if math.Abs(got-*want) <= tolerance { // false for NaN
		return nil
	}
	return fmt.Errorf("%s is %v, want %v", name, got, *want)
}

package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/diagnose"
)

// run executes the command and returns what it wrote to standard output.
func run(args ...string) (string, error) {
	var out bytes.Buffer
	c := root()
	c.SetArgs(args)
	c.SetOut(&out)
	c.SetErr(io.Discard)
	err := c.Execute()
	return out.String(), err
}

// reportJSON runs trueup report --json and returns its entries by precision.
func reportJSON(t *testing.T, args ...string) (order []string, entries map[string]map[string]any) {
	out, err := run(append([]string{"report", "--json"}, args...)...)
	require.NoError(t, err)
	var r struct {
		Precisions []map[string]any `json:"precisions"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	entries = make(map[string]map[string]any)
	for _, p := range r.Precisions {
		name := p["precision"].(string)
		order = append(order, name)
		entries[name] = p
	}
	return order, entries
}

// published are the figures of the data set's own summary, computed in float64
// by other code.
func published(t *testing.T, path, part string) map[string]map[string]float64 {
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var all map[string]map[string]map[string]float64
	require.NoError(t, json.Unmarshal(data, &all))
	require.NotEmpty(t, all[part])
	return all[part]
}

var publishedKeys = []string{
	"rows", "tokens", "k1", "k1_se", "k2", "k2_se", "k3", "k3_se", "chi2_mc", "ess_token", "ess_seq",
	"max_abs_dlogp", "mean_abs_dlogp", "mean_w", "over2", "under_half", "kl_rt",
}

func compare(t *testing.T, got map[string]map[string]any, want map[string]map[string]float64, keys ...string) {
	require.Len(t, got, len(want))
	for precision, figures := range want {
		for _, key := range keys {
			x, ok := got[precision][key].(float64)
			require.True(t, ok, "%s %s is %v", precision, key, got[precision][key])
			assert.InDelta(t, figures[key], x, 2e-6*math.Abs(figures[key])+1e-12, "%s %s", precision, key)
		}
	}
}

func TestReportOnTheSample(t *testing.T) {
	order, got := reportJSON(t)
	assert.Equal(t, "nvfp4_mixed", order[0], "the one near field values leads")
	compare(t, got, published(t, "../../testdata/data/smollm2/summary.json", "rollouts"), append(publishedKeys, "chi2")...)
	for precision, p := range got {
		assert.Positive(t, p["k1_se_cluster"], precision)
		assert.Nil(t, p["tv"], "not in the sample")
		assert.NotEmpty(t, p["corrections"])
		assert.NotEmpty(t, p["verdict"])
		assert.Empty(t, p["findings"], precision)
		thresholds := p["thresholds"].(map[string]any)
		assert.Len(t, thresholds["candidates"], len(diagnose.Grid()))
		assert.Len(t, thresholds["picks"], 3, precision)
	}
}

// TestReportOnRealData reads the Parquet files of $TRUEUP_DATA.
func TestReportOnRealData(t *testing.T) {
	dir := os.Getenv("TRUEUP_DATA")
	if dir == "" {
		t.Skip("TRUEUP_DATA is not set; the embedded sample has its own test")
	}
	for file, part := range map[string]string{"rollouts.parquet": "rollouts", "multiturn.parquet": "multiturn"} {
		_, got := reportJSON(t, filepath.Join(dir, "smollm2", file))
		want := published(t, filepath.Join(dir, "smollm2", "summary.json"), part)
		compare(t, got, want, append(publishedKeys, "chi2", "kl_tr", "tv", "tis2_loss")...)
	}
}

const twoRows = `{"prompt_id": "a", "precision": "fp8", "loss_mask": [true, false, true], "rollout_logprob": [-1, 0, -2], "trainer_logprob_bf16": [-1.1, -9, -1.9], "mine": [-1, -1, -1]}
{"prompt_id": "b", "precision": "fp8", "loss_mask": [1, 1], "rollout_logprob": [-0.5, -0.25], "trainer_logprob_bf16": [-0.5, -0.5], "mine": []}
`

func write(t *testing.T, name, content string) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestReportOnJSONLines(t *testing.T) {
	path := write(t, "r.jsonl", twoRows)
	_, got := reportJSON(t, path)
	p := got["fp8"]
	assert.EqualValues(t, 2, p["rows"])
	assert.EqualValues(t, 4, p["tokens"])
	assert.EqualValues(t, 2, p["prompts"])
	assert.InDelta(t, 0.25/4, p["k1"], 1e-7)
	assert.Nil(t, p["kl_rt"])

	// Rows where the trainer's column is empty are left out and counted.
	_, got = reportJSON(t, "--trainer", "mine", path)
	assert.EqualValues(t, 1, got["fp8"]["rows"])
	assert.EqualValues(t, 1, got["fp8"]["rows_without_trainer"])

	// The exact columns belong to the BF16 trainer.
	_, got = reportJSON(t, "--trainer", "stale16_logprob")
	assert.Nil(t, got["bf16"]["kl_rt"])
	_, got = reportJSON(t, path, path)
	assert.EqualValues(t, 4, got["fp8"]["rows"])
}

func TestReportText(t *testing.T) {
	out, err := run("report", "--policy", "geo-tis:3")
	require.NoError(t, err)
	for _, says := range []string{"nvfp4_mixed: EXPECTED", "nvfp4_w4a4: ALIGN FIRST", "geo-tis:3", "2.1 where the exact value is 7.8", "is its floor", "near field values", "Nothing found: no shift", "token-tis:5 is nearer to the gradient"} {
		assert.Contains(t, out, says)
	}
	assert.NotContains(t, out, "NaN")
}

// TestReportNamesDefects in rows whose rollout column lies one token late.
func TestReportNamesDefects(t *testing.T) {
	var b strings.Builder
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var rollout, trainer []float64
		for range 40 {
			x := -2 * rng.ExpFloat64()
			trainer = append(trainer, x-0.01)
			rollout = append(rollout, x)
		}
		copy(rollout[1:], rollout[:39])
		line, err := json.Marshal(map[string]any{"precision": "bf16", "rollout_logprob": rollout, "trainer_logprob_bf16": trainer})
		require.NoError(t, err)
		b.Write(append(line, '\n'))
	}
	path := write(t, "late.jsonl", b.String())
	html := filepath.Join(t.TempDir(), "report.html")
	out, err := run("report", "--html", html, path)
	require.NoError(t, err)
	page, err := os.ReadFile(html)
	require.NoError(t, err)
	for _, text := range []string{out, string(page)} {
		text = strings.Join(strings.Fields(text), " ")
		for says, want := range map[string]bool{
			"shifted column in 20 rows": true,
			"Rows, from 0 in this precision: [0 1 2 3 4 5 6 7 8 9 10 11] and 8 more.": true,
			"Nothing found": false,
		} {
			assert.Equal(t, want, strings.Contains(text, says), says)
		}
	}
	_, got := reportJSON(t, path)
	assert.Equal(t, "align first", got["bf16"]["verdict"].(map[string]any)["grade"])
	finding := got["bf16"]["findings"].([]any)[0].(map[string]any)
	assert.Equal(t, "shifted column", finding["kind"])
	assert.Contains(t, finding["fix"], "Move the rollout column by -1")
	assert.Empty(t, got["bf16"]["thresholds"].(map[string]any)["candidates"])
}

func TestReportHTML(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.html")
	_, err := run("report", "--html", path)
	require.NoError(t, err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	page := string(data)
	assert.Less(t, len(page), 1<<20)
	assert.Equal(t, 5, strings.Count(page, "<figure"))
	assert.NotContains(t, page, "NaN")
	assert.NotContains(t, page, "<script")
	for _, m := range regexp.MustCompile(`(?:src|href|url\()[^>]{0,60}`).FindAllString(page, -1) {
		t.Errorf("the page refers to something: %s", m)
	}
	// Void elements apart, the page is well-formed.
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			require.NoError(t, err)
		}
	}
}

func TestReportEscapesNames(t *testing.T) {
	path := write(t, "r.jsonl", strings.ReplaceAll(twoRows, "fp8", "<b>fp8"))
	html := filepath.Join(t.TempDir(), "report.html")
	_, err := run("report", "--html", html, path)
	require.NoError(t, err)
	data, err := os.ReadFile(html)
	require.NoError(t, err)
	assert.NotContains(t, string(data), "<b>fp8")
}

func TestReportBadInput(t *testing.T) {
	for _, c := range []struct {
		name, content string
		args          []string
		says          []string
	}{
		{"empty file", "", nil, []string{"r.jsonl", "is empty"}},
		{"unequal lengths", `{"rollout_logprob": [-1, -2], "trainer_logprob_bf16": [-1]}`, nil, []string{"r.jsonl", "trainer_logprob_bf16", "1", "2"}},
		{"wrong type", `{"rollout_logprob": "x", "trainer_logprob_bf16": [-1]}`, nil, []string{"r.jsonl", "rollout_logprob"}},
		{"no such column", `{"rollout_logprob": [-1], "trainer": [-1]}`, nil, []string{"trainer_logprob_bf16"}},
		{"empty trainer column", `{"rollout_logprob": [-1], "trainer_logprob_bf16": []}`, nil, []string{"trainer_logprob_bf16"}},
		{"mask without tokens", `{"rollout_logprob": [-1], "trainer_logprob_bf16": [-1], "loss_mask": [false]}`, nil, []string{"mask"}},
		{"nothing finite", `{"rollout_logprob": [NaN], "trainer_logprob_bf16": [-1]}`, nil, []string{"NaN"}},
		{"refused", `{"rollout_logprob": [-1, -1], "trainer_logprob_bf16": [-1, -Infinity]}`, []string{"--nonfinite", "error"}, []string{"r.jsonl", "row 0", "token 1"}},
		{"not JSON", `hello`, nil, []string{"r.jsonl"}},
		{"truncated Parquet", "PAR1 and no more", nil, []string{"r.jsonl", "Parquet"}},
		{"bad --nonfinite", twoRows, []string{"--nonfinite", "maybe"}, []string{"--nonfinite", "maybe"}},
		{"bad --policy", twoRows, []string{"--policy", "tis:2"}, []string{"--policy", "tis:2"}},
		{"bad flag", twoRows, []string{"--nonsense"}, []string{"nonsense"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			html := filepath.Join(t.TempDir(), "report.html")
			args := append([]string{"report", "--html", html, write(t, "r.jsonl", c.content)}, c.args...)
			out, err := run(args...)
			require.Error(t, err)
			for _, says := range c.says {
				assert.ErrorContains(t, err, says)
			}
			assert.Empty(t, out)
			assert.NoFileExists(t, html)
		})
	}
	_, err := run("report", filepath.Join(t.TempDir(), "absent"))
	assert.ErrorContains(t, err, "absent")
	_, err = run("report", "--trainer", "nonsense")
	assert.ErrorContains(t, err, "nonsense")
	_, err = run("nonsense")
	assert.Error(t, err)
}

func TestNonFiniteIsCounted(t *testing.T) {
	path := write(t, "r.jsonl", `{"rollout_logprob": [-1, -1, null], "trainer_logprob_bf16": [-1, -Infinity, -2]}`)
	for _, policy := range []string{"drop", "zero", "one"} {
		_, got := reportJSON(t, "--nonfinite", policy, path)
		assert.EqualValues(t, 2, got["rollout"]["nonfinite_tokens"])
		assert.EqualValues(t, 1, got["rollout"]["tokens"])
	}
	out, err := run("report", path)
	require.NoError(t, err)
	assert.Contains(t, out, "2 tokens of the mask have a NaN or infinite log-probability")
}

func TestReportRefusesAbsurdPrecisions(t *testing.T) {
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, "{\"precision\": \"p%d\", \"rollout_logprob\": [-1], \"trainer_logprob_bf16\": [-1]}\n", i)
	}
	_, err := run("report", write(t, "many.jsonl", b.String()))
	assert.ErrorContains(t, err, "more than 256")
	_, err = run("report", write(t, "esc.jsonl", `{"precision": "\u001b[31m", "rollout_logprob": [-1], "trainer_logprob_bf16": [-1]}`))
	assert.ErrorContains(t, err, "control characters")
}

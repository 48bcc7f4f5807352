package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fleet are the options of the example in the help.
var fleet = slices.Clip(strings.Fields("plan --gpus 256 --batch 512 --output-tokens 20000 --in-out 2.5 --rollout-rate 900 " +
	"--train-rate 5000 --concurrency 64 --rank-gpus 8 --train-granule 16"))

func planned(t *testing.T, args ...string) string {
	out, err := run(append(fleet, args...)...)
	require.NoError(t, err)
	return out
}

func plannedJSON(t *testing.T, args ...string) map[string]any {
	var r map[string]any
	require.NoError(t, json.Unmarshal([]byte(planned(t, append(args, "--json")...)), &r))
	return r
}

func TestPlanText(t *testing.T) {
	out := planned(t)
	assert.Regexp(t, `(?m)^ +best +160 +96 +0 +74\.7 +137143 +trainer +4\.8 % +0\.0 % +1280 +3\.50 `, out)
	assert.Contains(t, out, "ideally 157.1 inference and 98.9 train, 72.4 s a step")
	assert.Contains(t, out, "mean 3.50 = 2.50 in flight + 1.00 training")
	assert.NotRegexp(t, `NaN|Inf|(?m) $`, out)

	out = planned(t, "--what-if", "rollout:2.5", "--what-if", "train:1.5", "--claim", "6", "--split", "128:128", "--group", "8", "--sync", "7")
	for _, says := range []string{
		"rollout ×2.5: gain 1.00 without moving a GPU, 1.57 with 96 inference and 160 train; NOTHING IS GAINED UNTIL THE SPLIT MOVES",
		"Moving from 128 and 128 makes 1.19 times as many steps.",
		"Claimed: 6.00 = 1.23 (balance) × 1.58 (rollout ×2.5) × 1.26 (trainer ×1.5) × 2.46 (residual)",
		"for the slowest of 8", "on the way to the engines",
	} {
		assert.Contains(t, out, says)
	}
}

func TestPlanJSON(t *testing.T) {
	r := plannedJSON(t)
	assert.Equal(t, 160.0, r["n_inference"])
	assert.Equal(t, 96.0, r["n_train"])
	assert.InDelta(t, 74.67, r["step_seconds"], 0.01)
	assert.InDelta(t, 512*20_000/74.67, r["tokens_per_second"], 10)
	assert.InDelta(t, 0.048, r["bubble_rollout"], 0.001)
	assert.Equal(t, 0.0, r["bubble_train"])
	assert.InDelta(t, 3.5, r["staleness_mean"], 0.01)
	assert.InDelta(t, 8, r["staleness_p95"], 0.1)
	assert.InDelta(t, 13.3, r["staleness_p99"], 0.1)
	assert.Equal(t, "trainer", r["regime"])
	assert.NotContains(t, r, "simulation")
	assert.Len(t, r["effects"], 8)
}

func TestPlanSimulates(t *testing.T) {
	r := plannedJSON(t, "--simulate", "60", "--rollout-rate", "1800")
	s := r["simulation"].(map[string]any)
	assert.Equal(t, -1.0, s["gate"])
	step := s["step_seconds"].(map[string]any)
	assert.InEpsilon(t, r["step_seconds"], step["mean"], 0.04)
	assert.Equal(t, r, plannedJSON(t, "--simulate", "60", "--rollout-rate", "1800"))

	r = plannedJSON(t, "--simulate", "60", "--max-staleness", "3", "--order", "window", "--window", "600")
	s = r["simulation"].(map[string]any)
	assert.LessOrEqual(t, len(s["first_token"].([]any)), 1+3+2)

	out := planned(t, "--simulate", "60", "--max-staleness", "3", "--violation", "drop")
	assert.Contains(t, out, "Discarded as too stale")
}

func TestPlanHTML(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plan.html")
	planned(t, "--html", path, "--simulate", "60", "--group", "4", "--what-if", "durations:lognormal:2")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	page := string(data)
	assert.Less(t, len(page), 1<<20)
	for _, id := range []string{"split", "staleness", "timeline"} {
		assert.Contains(t, page, `<figure id="`+id+`">`)
	}
	assert.NotContains(t, page, "NaN")
	assert.NotContains(t, page, "<script")
	for _, m := range regexp.MustCompile(`(?:src|href|url\()[^>]{0,60}`).FindAllString(page, -1) {
		t.Errorf("the page refers to something: %s", m)
	}
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
	}
}

const fleetYAML = `# a fleet
gpus: 256
rank-gpus: 8
train-granule: 16
concurrency: 64
batch: 512
output-tokens: 20_000
in-out: 2.5
rollout-rate: 9e2
train-rate: 5000
what-if: [rollout:2.5, "step:1.5"]
`

func TestPlanYAML(t *testing.T) {
	path := write(t, "fleet.yaml", fleetYAML)
	out, err := run("plan", path)
	require.NoError(t, err)
	assert.Regexp(t, `best +160 +96 +0 +74\.7`, out)
	assert.Contains(t, out, "step ×1.5: gain 1.50, the split stays")

	out, err = run("plan", path, "--rollout-rate", "1800", "--what-if", "sync:3")
	require.NoError(t, err)
	assert.Regexp(t, `best +112 +144 +0 +50\.8`, out)
	assert.Contains(t, out, "sync 3 s")
	assert.NotContains(t, out, "step ×1.5")

	for content, want := range map[string]string{
		"gpu: 3\n":                   `fleet.yaml:1: unknown option "gpu"`,
		"gpus: 8\nbatch: many\n":     `fleet.yaml:2: `,
		"gpus:\n  here: 8\n":         `fleet.yaml:2: the value of "gpus" is not plain`,
		"- 1\n":                      `fleet.yaml:1: not a mapping`,
		"gpus: [\n":                  `fleet.yaml: yaml: `,
		"":                           `--gpus is not given`,
		"gpus: 8\ngpus: 9\n":         `fleet.yaml:2: option "gpus" is given twice`,
		fleetYAML + "max-staleness:": `fleet.yaml:12: `,
	} {
		_, err := run("plan", write(t, "fleet.yaml", content))
		assert.ErrorContains(t, err, want, "%q", content)
	}
}

func TestPlanTrace(t *testing.T) {
	durations := "# seconds\n"
	for i := range 1000 {
		durations += fmt.Sprintln(10 + i%100)
	}
	r := plannedJSON(t, "--trace", write(t, "trace", durations))
	assert.InDelta(t, 2.5*105/59.5+1, r["staleness_p95"], 0.05)
	_, err := run(append(fleet, "--trace", write(t, "bad", "1\n\nx\n"))...)
	assert.ErrorContains(t, err, `bad:3: "x" is not a number`)
	_, err = run(append(fleet, "--trace", write(t, "empty", "\n"))...)
	assert.ErrorContains(t, err, "without values")
}

func TestPlanHitRate(t *testing.T) {
	turns := strings.Fields("--turns 100 --prompt-tokens 8000 --turn-in 700 --turn-out 250 --decode-rate 1300 --prefill-rate 20000")
	out := planned(t, append(turns, "--what-if", "hit-rate:1:0.95")...)
	assert.Contains(t, out, "hit rate 95 %: gain 0.66 without moving a GPU, 0.72 with 176 inference and 80 train")
	_, err := run(append(fleet, "--what-if", "hit-rate:1:0.95")...)
	assert.ErrorContains(t, err, "Turns.Turns")
}

func TestPlanBadInput(t *testing.T) {
	for want, args := range map[string][]string{
		"TrainRate":                      {"--train-rate", "0"},
		"GPUs":                           {"--gpus", "20"},
		"Group":                          {"--group", "7"},
		"--durations":                    {"--durations", "normal:1"},
		"--split":                        {"--split", "160"},
		"Split.Inference":                {"--split", "161:80"},
		"--order":                        {"--order", "lifo"},
		"--violation":                    {"--violation", "shrug"},
		"none of rollout:K":              {"--what-if", "magic:3"},
		`"x" is not a number`:            {"--what-if", "sync:x"},
		"total":                          {"--claim", "-1"},
		"Steps":                          {"--simulate", "5"},
		"Window is 3 with order complet": {"--window", "3", "--simulate", "50"},
	} {
		_, err := run(append(fleet, args...)...)
		assert.ErrorContains(t, err, want, "%v", args)
	}
	_, err := run("plan", "--gpus", "8")
	assert.ErrorContains(t, err, "--rank-gpus is not given")
}

package rollouts

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJSONL(t *testing.T) {
	rows, err := read([]byte(`
{"prompt_id": 7, "rollout_logprob": [-1, NaN, -Infinity, Infinity, null, 1e-1], "trainer_logprob_bf16": [-1,-1,-1,-1,-1,-1e999], "text": "NaN \" -Infinity [", "reward": NaN}

{"prompt_id":"p\n","precision":"fp8","loss_mask":[true,false,1,0],"rollout_logprob":[1,2,3,4],"trainer_logprob_bf16":null,"exact_tv":[0,1,2,3]}` + "\r\n" +
		`{"rollout_logprob":[ ],"precision":null,"loss_mask":null,"trainer_logprob_bf16":[]}`))
	require.NoError(t, err)
	require.Len(t, rows, 3)

	r := rows[0]
	require.Equal(t, "7", r.Prompt)
	require.Equal(t, DefaultPrecision, r.Precision)
	require.Equal(t, []uint8{1, 1, 1, 1, 1, 1}, r.Mask)
	inf := float32(math.Inf(1))
	require.Equal(t, []float32{-1, -inf, inf, .1}, []float32{r.Rollout[0], r.Rollout[2], r.Rollout[3], r.Rollout[5]})
	require.True(t, r.Rollout[1] != r.Rollout[1] && r.Rollout[4] != r.Rollout[4])
	require.Equal(t, -inf, r.Trainer[5])
	require.True(t, r.HasTrainer)

	requireRows(t, []Row{
		{
			File: "test", Index: 1, Prompt: "p\n", Precision: "fp8", Mask: []uint8{1, 0, 1, 0},
			Rollout: []float32{1, 2, 3, 4}, Exact: [NumExact][]float32{ExactTV: {0, 1, 2, 3}},
		},
	}, rows[1:2])
	require.True(t, rows[2].HasTrainer)
	require.Empty(t, rows[2].Rollout)
}

func TestJSONLBadInput(t *testing.T) {
	ok := `{"rollout_logprob":[-1],"trainer_logprob_bf16":[-1]}` + "\n"
	for _, c := range []struct{ name, file, want string }{
		{"unequal", ok + `{"rollout_logprob":[-1],"trainer_logprob_bf16":[-1,-2]}`,
			`test: line 2: column "trainer_logprob_bf16" has 2 values but "rollout_logprob" has 1`},
		{"blank lines count", "\n\n" + `{"rollout_logprob":[-1],"loss_mask":[]}`,
			`test: line 3: column "loss_mask" has 0 values but "rollout_logprob" has 1`},
		{"no rollout", `{"trainer_logprob_bf16":[-1]}`, `test: line 1: field "rollout_logprob" is missing`},
		{"no trainer", `{"rollout_logprob":[-1]}`, `test: no line has the field "trainer_logprob_bf16"`},
		{"string", `{"rollout_logprob":"-1"}`, `test: line 1: field "rollout_logprob": found a string, want a list`},
		{"bare NaN", `{"rollout_logprob":NaN}`, `test: line 1: field "rollout_logprob": found a number, want a list`},
		{"object", `{"rollout_logprob":{}}`, `test: line 1: field "rollout_logprob": found an object, want a list`},
		{"list of lists", `{"rollout_logprob":[[1]]}`, `test: line 1: field "rollout_logprob": element 0: found a list`},
		{"list of strings", `{"rollout_logprob":[1,"NaN"]}`,
			`test: line 1: field "rollout_logprob": element 1: found a string, want a number`},
		{"list of booleans", `{"rollout_logprob":[true]}`,
			`test: line 1: field "rollout_logprob": element 0: found a boolean, want a number`},
		{"mask of floats", `{"rollout_logprob":[1],"loss_mask":[1.5]}`,
			`test: line 1: field "loss_mask": element 0: found 1.5, want true, false, 0 or 1`},
		{"mask of NaN", `{"rollout_logprob":[1],"loss_mask":[NaN]}`,
			`test: line 1: field "loss_mask": element 0: found a number, want true, false, 0 or 1`},
		{"prompt of floats", `{"prompt_id":1.5}`,
			`test: line 1: field "prompt_id": found a number, want a string or an integer`},
		{"precision of integers", `{"precision":16}`, `test: line 1: field "precision": found a number, want a string`},
		{"syntax", `{"rollout_logprob":[1,]}`, `test: line 1: invalid character ']' looking for beginning of value`},
		{"cut short", `{"rollout_logprob":[1`, `test: line 1: unexpected end of JSON input`},
		{"NaN in a word", `{"rollout_logprob":[NaNs]}`, `test: line 1: invalid character 's' after array element`},
		{"list of rows", `[{"rollout_logprob":[1]}]`, `test: line 1: found a list, want an object`},
		{"binary", "\x1f\x8b\x08\x00", `test: line 1: found '\x1f', want an object`},
		{"blank", "\n \n", `test: no rows`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read([]byte(c.file))
			require.EqualError(t, err, c.want)
		})
	}
}

func TestJSONLLongLine(t *testing.T) {
	if testing.Short() {
		t.Skip("makes a line of 256 MiB")
	}
	line := strings.NewReader(`{"rollout_logprob":[` + strings.Repeat(" ", maxLine) + `]}`)
	_, err := readAll(New(Options{TrainerColumn: trainerColumn}, "test", line))
	require.EqualError(t, err, "test: line 1: longer than 268435456 bytes")
}

// jsonLines writes rows as JSON Lines, with -Infinity as Python writes it.
func jsonLines(t *testing.T, rows []plainRow) []byte {
	var b bytes.Buffer
	for _, r := range rows {
		m := map[string]any{
			"prompt_id": r.Prompt, "precision": r.Precision, "loss_mask": r.Mask, "text": r.Text,
			"trainer_logprob_bf16": r.Trainer, "exact_kl_rt": r.KL,
		}
		var list []any
		for _, x := range r.Rollout {
			if math.IsInf(float64(x), -1) {
				list = append(list, "inf")
			} else {
				list = append(list, x)
			}
		}
		m["rollout_logprob"] = list
		line, err := json.Marshal(m)
		require.NoError(t, err)
		b.Write(bytes.ReplaceAll(line, []byte(`"inf"`), []byte("-Infinity")))
		b.WriteByte('\n')
	}
	return b.Bytes()
}

func TestJSONLEqualsParquet(t *testing.T) {
	want, err := read(write(t, plainRows))
	require.NoError(t, err)
	got, err := read(jsonLines(t, plainRows))
	require.NoError(t, err)
	requireRows(t, want, got)
}

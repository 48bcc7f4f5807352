package rollouts

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// readAll returns deep copies of all rows of r.
func readAll(r *Reader) ([]Row, error) {
	var rows []Row
	for {
		var row Row
		switch err := r.Next(&row); err {
		case nil:
			rows = append(rows, row)
		case io.EOF:
			return rows, nil
		default:
			return rows, err
		}
	}
}

// dataFile returns the path of a file of the real data, or skips the test.
func dataFile(t testing.TB, name string) string {
	dir := os.Getenv("TRUEUP_DATA")
	if dir == "" {
		t.Skip("TRUEUP_DATA is not set")
	}
	return filepath.Join(dir, "smollm2", name)
}

func TestRealData(t *testing.T) {
	text, err := os.ReadFile(dataFile(t, "summary.json"))
	require.NoError(t, err)
	var summary map[string]map[string]map[string]float64
	require.NoError(t, json.Unmarshal(text, &summary))

	for _, name := range []string{"rollouts", "multiturn"} {
		t.Run(name, func(t *testing.T) {
			r, err := Open(Options{TrainerColumn: "trainer_logprob_bf16"}, dataFile(t, name+".parquet"))
			require.NoError(t, err)
			defer r.Close()
			rows, tokens := map[string]float64{}, map[string]float64{}
			kl, k1 := map[string]float64{}, map[string]float64{}
			var row Row
			for {
				err := r.Next(&row)
				if err == io.EOF {
					break
				}
				require.NoError(t, err)
				require.True(t, row.HasTrainer)
				require.NotEmpty(t, row.Prompt)
				rows[row.Precision]++
				for i, m := range row.Mask {
					if m == 1 {
						tokens[row.Precision]++
						kl[row.Precision] += float64(row.Exact[ExactKLRT][i])
						k1[row.Precision] += float64(row.Rollout[i]) - float64(row.Trainer[i])
					}
				}
			}
			require.Len(t, rows, len(summary[name]))
			for p, want := range summary[name] {
				require.Equal(t, want["rows"], rows[p], p)
				require.Equal(t, want["tokens"], tokens[p], p)
				require.InEpsilon(t, want["kl_rt"], kl[p]/tokens[p], 1e-6, p)
				require.InEpsilon(t, want["k1"], k1[p]/tokens[p], 1e-6, p)
			}
		})
	}
}

// The trainer column may be null for all rows of a precision.
func TestRealDataStale(t *testing.T) {
	r, err := Open(Options{TrainerColumn: "stale16x_logprob"}, dataFile(t, "rollouts.parquet"))
	require.NoError(t, err)
	defer r.Close()
	rows, err := readAll(r)
	require.NoError(t, err)
	has := map[string]bool{}
	for _, row := range rows {
		has[row.Precision] = row.HasTrainer
		require.Equal(t, row.HasTrainer, len(row.Trainer) == len(row.Rollout))
	}
	require.Equal(t, map[string]bool{
		"bf16": true, "fp8_block128": true, "nvfp4_mixed": true, "nvfp4_w4a4": true,
		"fp8_tensor": false, "nvfp4_w4a16": false, "mxfp4_w4a16": false,
	}, has)
}

func BenchmarkParquet(b *testing.B) {
	path := dataFile(b, "rollouts.parquet")
	var row Row
	for b.Loop() {
		r, err := Open(Options{TrainerColumn: "trainer_logprob_bf16"}, path)
		require.NoError(b, err)
		for r.Next(&row) == nil {
		}
		require.NoError(b, r.Close())
	}
}

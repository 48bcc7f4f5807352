package rollouts

import (
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"
)

// checkRows checks what a reader promises of every row.
func checkRows(t *testing.T, rows []Row) {
	for i, r := range rows {
		require.EqualValues(t, i, r.Index)
		require.Len(t, r.Mask, len(r.Rollout))
		if r.HasTrainer {
			require.Len(t, r.Trainer, len(r.Rollout))
		} else {
			require.Empty(t, r.Trainer)
		}
		for _, x := range r.Exact {
			require.True(t, len(x) == 0 || len(x) == len(r.Rollout))
		}
		for _, m := range r.Mask {
			require.LessOrEqual(t, m, uint8(1))
		}
	}
}

func FuzzJSONL(f *testing.F) {
	f.Add([]byte(`{"prompt_id":"a","loss_mask":[true,0],"rollout_logprob":[NaN,-1e3],"trainer_logprob_bf16":[-Infinity,null]}`))
	f.Add([]byte(`{"precision":"\"NaN","rollout_logprob":[ 1 , 2 ],"exact_tv":[Infinity,0],"trainer_logprob_bf16":null}` + "\n\n{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 3 && string(b[:3]) == "PAR" {
			t.Skip("Parquet")
		}
		rows, _ := read(b)
		checkRows(t, rows)
	})
}

func FuzzParquet(f *testing.F) {
	f.Add(write(f, plainRows[:1]))
	f.Add(write(f, plainRows, parquet.Compression(&parquet.Zstd), parquet.DataPageVersion(1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, _ := read(append([]byte("PAR1"), b[min(4, len(b)):]...))
		checkRows(t, rows)
	})
}

package correction_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueup-rl/trueup/correction"
	"github.com/trueup-rl/trueup/mismatch"
	"github.com/trueup-rl/trueup/rows"
)

// TestLargePadding finds nothing behind the rows of a batch so large that its
// padding is cleared around the caches.
func TestLargePadding(t *testing.T) {
	const n, stride = 3, 900_001
	lengths := []int32{1, 1000, 0}
	layout, err := rows.Padded(n, stride, stride, lengths)
	require.NoError(t, err)
	b := &mismatch.Batch{Layout: layout, Trainer: make([]float32, n*stride), Rollout: make([]float32, n*stride)}
	policy, err := correction.Parse("token-tis:2")
	require.NoError(t, err)
	c, err := correction.New(policy)
	require.NoError(t, err)
	w, keep := slices.Repeat([]float32{7}, n*stride), slices.Repeat([]uint8{7}, n*stride)
	_, err = c.Correct(w, keep, b)
	require.NoError(t, err)
	for i, length := range lengths {
		row, rowKeep := w[i*stride:][:stride], keep[i*stride:][:stride]
		for at := range row {
			want := 0
			if at < int(length) {
				want = 1
			}
			if row[at] != float32(want) || rowKeep[at] != uint8(want) {
				assert.Fail(t, "padding", "row %d, token %d: weight %v, keep %d", i, at, row[at], rowKeep[at])
				return
			}
		}
	}
}
